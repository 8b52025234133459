"""What opens environments: the contract (`base`), and one module per engine."""
