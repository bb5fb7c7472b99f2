"""What is seen in each picture of the course: captions, and words for those who do not see it."""

from __future__ import annotations

__all__ = ["CAPTIONS"]

CAPTIONS = {
    "lesson_01_live.html": "The loss of a line through three points: drag w and b, or let them descend.",
    "lesson_01_three_curves.png": (
        "Above, noisy points with the line, the circle and the wave that were found; below, each loss "
        "falling, step by step, to the size of the noise."
    ),
    "lesson_02_activations.png": (
        "tanh, sigmoid and relu, and dashed their slopes: near 0 at both ends of tanh and sigmoid, and "
        "left of 0 for relu."
    ),
    "lesson_02_live.html": "A neuron with its three numbers: drag one far out, and the slope goes to 0.",
    "lesson_03_six_steps.png": (
        "Left, the loss falls with every step; right, the plane is divided as the network answers after "
        "60 steps, with the points on it."
    ),
    "lesson_04_four_losses.png": (
        "Three panels, the losses as lines, their pulls dashed: a parabola with a straight pull beside a "
        "corner with a constant one; binary cross-entropy, which rises without limit on the wrong side; "
        "and categorical cross-entropy over a logit, whose pull goes from −1 to 0."
    ),
    "lesson_05_tangent.png": (
        "The loss over the weight w, a curve, and the straight line with the slope from backward(): it "
        "touches the curve where we stand."
    ),
    "lesson_06_live.html": (
        "The same graph with every number to be moved: the gradient is the slope of the curve."
    ),
    "lesson_06_steps.html": (
        "The backward pass step by step: each box gets its gradient when its turn comes."
    ),
    "lesson_09_inside.svg": "The first layer opened, and in it one neuron with its weights.",
    "lesson_09_layers.svg": "The same network as three boxes in a row.",
    "lesson_09_network.html": "The page of a network, which opens layer by layer and neuron by neuron.",
    "lesson_09_neuron.svg": "A neuron: two inputs, two weights and a bias into one sum, and its tanh.",
    "lesson_09_neuron_expanded.svg": "The same neuron with every multiplication and addition as a box.",
    "lesson_09_neurons.svg": (
        "A network of 33 neurons, one box each, marked with the number of samples that it met."
    ),
    "lesson_10_zero_grad.png": (
        "Two losses over 60 steps: with zero_grad it falls and stays down; without, it falls as quickly "
        "at first, then swings up and down."
    ),
    "lesson_11_xor.png": (
        "Left, one neuron: no boundary at all, 0.5 everywhere; right, four hidden neurons: a band between "
        "the two classes."
    ),
    "lesson_12_film.html": "The last of the three as a film: how the boundary bends.",
    "lesson_12_moons.png": (
        "Without hidden neurons the boundary is a straight line; with two it is bent; with eight it "
        "follows both moons."
    ),
    "lesson_13_circles.png": (
        "One neuron on x and y draws a line through both classes; one on x² + y² draws a circle; three "
        "hidden neurons draw a rounded triangle around the inner class."
    ),
    "lesson_13_film.html": "The last of the three as a film: three lines close a ring.",
    "lesson_14_film.html": "The training as a film: 140 epochs to scrub and play.",
    "lesson_14_spirals.png": (
        "Left, the loss stays near 0.55 for the first third, rises once, and then falls; right, the "
        "boundary winds between the two arms."
    ),
    "lesson_15_breast_cancer.png": (
        "Left, the ROC rises steeply to nearly all malignant tumors found at few false alarms; right, the "
        "predicted probabilities of the two groups lie at opposite ends."
    ),
    "lesson_16_iris_confusion.png": (
        "The confusion matrix: every setosa is right; the few mistakes are between the others."
    ),
    "lesson_16_iris_curves.png": (
        "Loss and accuracy over the epochs; dashed, for flowers that were not trained on."
    ),
    "lesson_17_digits.png": (
        "Above, eight images with what they were read as; below, the weights of eight hidden neurons as "
        "images, blue where ink speaks for the neuron and red where it speaks against it."
    ),
    "lesson_17_digits_confusion.png": (
        "The confusion matrix of ten digits: nearly all counts lie on the diagonal."
    ),
    "lesson_17_film.html": (
        "The training as a film: weights as images, what the layers give, and their gradients, epoch by "
        "epoch."
    ),
    "lesson_18_diabetes.png": (
        "Left, the training loss of the network falls further than the straight line's, and the "
        "validation losses do not; right, predictions over truths scatter widely around the diagonal."
    ),
    "lesson_19_film.html": "As it is, as a film: first the sine, then the noise.",
    "lesson_19_overfitting.png": (
        "Left, the loss on the twenty points keeps falling while the loss on others rises; right, the "
        "curve without a remedy runs after the points, and those with one stay near the true sine."
    ),
    "lesson_20_optimizers.png": (
        "Left, paths through the valley: plain descent zigzags, the others go along it; right, the losses "
        "on two moons, plain descent's the highest."
    ),
    "lesson_21_vanishing_gradients.png": (
        "The size of the gradient by layer, on a logarithmic axis: it falls by powers of ten towards the "
        "inputs for sigmoids, stays level for tanh and relu as initialized, and grows for weights twice "
        "too large."
    ),
    "lesson_22_dead_relus.png": (
        "Left, the relu network answers a constant, the elu network follows the points; right, the loss "
        "of the first never falls."
    ),
    "lesson_23_saving.png": (
        "The loss of a run in one piece, and on it, exactly, that of the first 8 epochs and of the "
        "resumed run."
    ),
    "lesson_25_digits.svg": "The graph of a disaster, colored by how many digits are lost in each box.",
    "lesson_26_formulas.svg": "Typeset: the loss of a line through points, and its derivative by w.",
    "lesson_29_sunspots.png": (
        "Counted sunspots from 1950 to 2008 as gray hills, five cycles; above, what was foretold a year "
        "ahead follows them closely; below, what the model says when left alone in 1950 has its five "
        "cycles in the same years, but all of one height."
    ),
}
