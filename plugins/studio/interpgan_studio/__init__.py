"""A page on which pictures change while one drags; what it saves is a recipe. Its command is `interpgan-studio`."""
