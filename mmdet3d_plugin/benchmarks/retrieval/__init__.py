"""Retrieval: embeddings, nearest neighbours, Recall@k, mAP@R, and lists of labelled images."""
