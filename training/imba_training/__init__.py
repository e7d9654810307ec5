"""From Instacart-shaped CSV files to a model, a feature table and a SageMaker endpoint."""

__version__ = "0.1.0"
