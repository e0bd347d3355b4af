"""The part of grpcio-tools that the tests use."""
