"""What a step of a recipe is, and the steps that come with the core."""
