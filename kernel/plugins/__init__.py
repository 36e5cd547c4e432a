"""Plugins: the forms the kernel can take on top of the backbone (S000 chapter 3)."""
