"""Where each agent keeps its transcripts: the folders of samples and tests, and the variables that name others."""

# Below the home folder: where the agent looks without a variable.
PLACES = {
    "qwen": ".qwen",
    "openclaude": ".openclaude",
    "pi": ".pi/agent",
    "omp": ".omp/agent",
    "opencode": ".local/share/opencode",
    "copilot": ".copilot",
    "kimi": ".kimi-code",  # and .kimi, of the same layout
    "grok": ".grok",
}

# The variable that names the agent's folders, separated by commas; an agent that is not here has none.
VARIABLES = {
    "qwen": "QWEN_RUNTIME_DIR",
    "openclaude": "OPENCLAUDE_CONFIG_DIR",
    "pi": "PI_CODING_AGENT_DIR",
    "opencode": "OPENCODE_DATA_DIR",
    "copilot": "COPILOT_HOME",
    "kimi": "KIMI_CODE_HOME",
    "grok": "GROK_HOME",
}

# Agents that log a response in several lines; the one that counts is not the first.
SEVERAL_LINES = {"openclaude"}

# Agents whose requests the reference has at the time of a later line that sums them up.
SUMMED_UP = {"copilot"}
