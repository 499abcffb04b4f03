"""Trains what ships in `retrieval/models/weights/`: run by hand or by `make train`, never by the service."""
