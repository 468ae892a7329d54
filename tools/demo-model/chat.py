"""R1's turn markers and the chat template."""

BOS = "<｜begin▁of▁sentence｜>"
EOS = "<｜end▁of▁sentence｜>"
PAD = "<｜▁pad▁｜>"
USER = "<｜User｜>"
ASSISTANT = "<｜Assistant｜>"
THINK = "<think>"
END_THINK = "</think>"
CONTROL = [BOS, EOS, PAD, USER, ASSISTANT]
PLAIN = [THINK, END_THINK]

TEMPLATE = (
    "{%- set ns = namespace(system='') -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}"
    "{%- set ns.system = ns.system + message['content'] -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{{ bos_token + ns.system }}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{ '<｜User｜>' + message['content'] }}"
    "{%- endif -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- set text = message['content'] -%}"
    "{%- if '</think>' in text -%}"
    "{%- set text = text.split('</think>')[-1] -%}"
    "{%- endif -%}"
    "{{ '<｜Assistant｜>' + text + '<｜end▁of▁sentence｜>' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<｜Assistant｜><think>\\n' }}"
    "{%- endif -%}"
)


def prompt_text(prompt, history=(), system=""):
    """What the template makes of a conversation that awaits an answer."""
    text = BOS + system
    for question, answer in history:
        text += USER + question + ASSISTANT + answer + EOS
    return text + USER + prompt + ASSISTANT + THINK + "\n"


def reply_text(think, answer):
    """What the model is to write after prompt_text."""
    return think + "\n" + END_THINK + "\n\n" + answer + EOS
