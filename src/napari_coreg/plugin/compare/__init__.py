"""Compare: two layers as checkerboard, curtain, difference and so on."""
