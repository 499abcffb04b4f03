"""Finding: dense and lexical search over the live entries, fused, with a calibrated chance of "unknown"."""
