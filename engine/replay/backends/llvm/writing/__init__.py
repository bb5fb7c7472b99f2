"""Text in LLVM's language. Reading order: `module`, `lines`, `text`; `elementary`, `functions`; `arrays`."""
