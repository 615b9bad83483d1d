"""What a model scores on photos that it has never seen: tables, curves and contact sheets.

`python -m hybrid.train.evaluate --model NAME --data FOLDER` writes them all; `evaluate` is the short form for a card.
"""

from hybrid.train.evaluate.survey import evaluate

__all__ = ["evaluate"]
