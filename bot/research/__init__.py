"""What researchers use. Each room is imported by itself, since the libraries behind them are large."""
