"""Small head volumes with known truth, and the program that makes them."""
