"""Jobs: from a call to a trained model, ours beside scikit-learn's MLPClassifier and a loop in torch.

What a person waits for: making the model, checking the data, recording, making code, all epochs. Every run
is a process of its own on one core, with an empty cache folder, and they take turns; 64 bits, Adam. Reading
order: `rows` (which jobs, and their bars), `contenders` (by whom), `worker` (one run), `table`.
"""
