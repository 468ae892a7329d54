"""Models that say what a test wants: a test double that runs through the whole program.

A llama of one layer whose attention and feed-forward parts are zero. Its embeddings are unit vectors and its output
matrix leads from each token to one other, so it writes chains: the last character of the prompt names a script, and
each of the script's pieces is a token of its own.
"""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

HEAD = 64  # the width of an attention head


def byte_alphabet() -> list[str]:
    """GPT-2's printable characters for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


ALPHABET = byte_alphabet()


def spell(text: str) -> str:
    """A token's text as vocabularies of this kind write it."""
    return "".join(ALPHABET[b] for b in text.encode())


def write(
    path: Path, template: str, scripts: dict[str, list[str]], control: tuple[str, ...] = (), loops: tuple[str, ...] = ()
) -> Path:
    """`scripts`: by the last character of a prompt (or a control token), what is said then.

    `control`: pieces that are control tokens, each used once. `loops`: scripts that begin again at their end instead of
    ending the answer.
    """
    tokens = list(ALPHABET)
    kinds = [TokenType.NORMAL] * 256
    for name in ("<bos>", "<eos>", *control):
        tokens.append(name)
        kinds.append(TokenType.CONTROL)
    eos = tokens.index("<eos>")
    following = {}
    for begin, pieces in scripts.items():
        at = first = tokens.index(begin if begin in control else spell(begin))
        for piece in pieces:
            if piece in control:
                token = tokens.index(piece)
            else:
                token = len(tokens)
                tokens.append(spell(piece))
                kinds.append(TokenType.NORMAL)
            following[at] = token
            if at == first:
                first_piece = token
            at = token
        following[at] = first_piece if begin in loops else eos
    width = -(-len(tokens) // HEAD) * HEAD

    w = GGUFWriter(path, "llama")
    w.add_name(path.stem)
    w.add_block_count(1)
    w.add_context_length(4096)
    w.add_embedding_length(width)
    w.add_feed_forward_length(HEAD)
    w.add_head_count(width // HEAD)
    w.add_head_count_kv(1)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(HEAD)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges([])
    w.add_bos_token_id(tokens.index("<bos>"))
    w.add_eos_token_id(eos)
    w.add_add_bos_token(False)
    w.add_chat_template(template)

    embeddings = np.eye(len(tokens), width, dtype=np.float32)
    output = np.zeros((len(tokens), width), dtype=np.float32)
    for token, then in following.items():
        output[then, token] = 3.0
    w.add_tensor("token_embd.weight", embeddings)
    w.add_tensor("output.weight", output)
    w.add_tensor("output_norm.weight", np.ones(width, dtype=np.float32))
    for name, shape in {
        "attn_norm": (width,),
        "attn_q": (width, width),
        "attn_k": (HEAD, width),
        "attn_v": (HEAD, width),
        "attn_output": (width, width),
        "ffn_norm": (width,),
        "ffn_gate": (HEAD, width),
        "ffn_up": (HEAD, width),
        "ffn_down": (width, HEAD),
    }.items():
        fill = np.ones if name.endswith("norm") else np.zeros
        w.add_tensor(f"blk.0.{name}.weight", fill(shape, dtype=np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return path
