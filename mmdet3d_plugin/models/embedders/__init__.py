"""Models that map an image to an embedding."""
from .embedder import Embedder
from .embedding_head import EmbeddingHead
from .momentum_encoder import MomentumEncoder

__all__ = ['Embedder', 'EmbeddingHead', 'MomentumEncoder']
