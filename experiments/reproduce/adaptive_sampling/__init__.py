"""Figure 1 and table 1 of Xu et al., "Adaptive Sampling for Discovery" (NeurIPS 2022)."""
