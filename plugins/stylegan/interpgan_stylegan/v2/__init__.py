"""StyleGAN 2, and 2-ADA: Karras et al., CVPR 2020 and NeurIPS 2020."""
