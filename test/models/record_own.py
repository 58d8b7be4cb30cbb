"""Records a tiny OPT into own/, for the family that docs/bring-your-own-model.md builds: see record.py.

    venv/bin/python test/models/record_own.py
"""

import pathlib

import record
import torch
import transformers


def main():
    record.DATA = pathlib.Path(__file__).parent / "own"
    transformers.logging.set_verbosity_error()
    generator = torch.Generator().manual_seed(0)
    config = transformers.OPTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_dim=24, max_position_embeddings=20,
                                    word_embed_proj_dim=16, **record.TOKENS)
    config._attn_implementation = "eager"
    model = transformers.OPTForCausalLM(config).float().eval()
    record.randomise(model, generator)
    record.record("opt", model, record.causal_cases(generator, positions=False))


if __name__ == "__main__":
    main()
