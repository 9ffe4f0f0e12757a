"""StyleGAN 1: Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019."""
