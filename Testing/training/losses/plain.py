"""VoCo's losses once more, slowly: written from the equations, one number at a time.

Batches are nested lists: ``crops[v][k][c]`` is channel c of the embedding of crop k of volume v,
``bases[v][i][c]`` the same of base i, ``overlaps[v][k][i]`` the share of crop k in base i. Every
number is a torch scalar, so that autograd gives reference gradients; what the method holds
constant is detached where it is read.

Sources: "Eq." are the paper's equations; the two other recipes are the ones of the authors'
published code.
"""

import torch

ZERO = torch.zeros((), dtype=torch.float64)


def constant(batch):
    """The same numbers, through which no gradient goes."""
    return [[[number.detach() for number in vector] for vector in vectors] for vectors in batch]


def cosine(p, q):
    """Eq. 1 and Eq. 4."""
    dot, squares_p, squares_q = ZERO, ZERO, ZERO
    for a, b in zip(p, q, strict=True):
        dot = dot + a * b
        squares_p = squares_p + a * a
        squares_q = squares_q + b * b
    return dot / (torch.sqrt(squares_p) * torch.sqrt(squares_q))


def positive(number):
    """ReLU."""
    return number if number > 0 else ZERO * number


def logits_of(crops, bases):
    """Eq. 1, kept in 0..1 as the paper wants it: a logit for each volume, crop and base."""
    return [
        [[positive(cosine(p, q)) for q in bases_of_volume] for p in crops_of_volume]
        for crops_of_volume, bases_of_volume in zip(crops, bases, strict=True)
    ]


def mean(numbers):
    return sum(numbers, ZERO) / len(numbers) if numbers else ZERO


def pairs(logits_of_volume, labels_of_volume):
    """Every logit of a volume with its label."""
    return [
        (logit, label)
        for logits_of_crop, labels_of_crop in zip(logits_of_volume, labels_of_volume, strict=True)
        for logit, label in zip(logits_of_crop, labels_of_crop, strict=True)
    ]


def entropy(logits, overlaps):
    """Eq. 2 and 3, the distance kept at or below 1 - 1e-6."""
    terms = []
    for logits_of_volume, labels_of_volume in zip(logits, overlaps, strict=True):
        for logit, label in pairs(logits_of_volume, labels_of_volume):
            distance = abs(label - logit)
            if distance > 1 - 1e-6:
                distance = ZERO + (1 - 1e-6)
            terms.append(-torch.log(1 - distance))
    return mean(terms)


def split(logits, overlaps, negatives):
    """The authors' code: positives weighed by their labels and negatives, volume by volume."""
    terms = []
    for logits_of_volume, labels_of_volume in zip(logits, overlaps, strict=True):
        weighed, weight, others = ZERO, ZERO, []
        for logit, label in pairs(logits_of_volume, labels_of_volume):
            if label > 0:
                weighed = weighed - label * torch.log(1 - abs(label - logit) + 1e-6)
                weight = weight + label
            elif negatives == "square":
                others.append(logit * logit)
            else:
                others.append(-torch.log(1 - logit + 1e-6))
        terms.append((weighed / weight if weight > 0 else ZERO) + mean(others))
    return mean(terms)


def absolute_regularisation(bases):
    """Eq. 4 and 5."""
    terms = []
    for q in bases:
        for i in range(len(q)):
            for j in range(len(q)):
                if i != j:
                    terms.append(abs(cosine(q[i], q[j])))
    return mean(terms)


def squared_regularisation(bases):
    """The authors' code: each pair once, its second base held constant."""
    terms = []
    for q, held in zip(bases, constant(bases), strict=True):
        for i in range(len(q)):
            for j in range(i + 1, len(q)):
                terms.append(positive(cosine(q[i], held[j])) ** 2)
    return mean(terms)


def paper(crops, bases, teacher_crops, teacher_bases, overlaps):
    """L_pred and L_reg of the paper: no teacher, no gradient into q from L_pred."""
    logits = logits_of(crops, constant(bases))
    return {
        "prediction": entropy(logits, overlaps),
        "regularisation": absolute_regularisation(bases),
        "inter_volume": ZERO,
        "logits": logits,
    }


def cvpr_code(crops, bases, teacher_crops, teacher_bases, overlaps):
    """A teacher sees both; the student's crops and the student's bases each meet its."""
    one = logits_of(crops, constant(teacher_bases))
    other = logits_of(constant(teacher_crops), bases)
    logits = [
        [
            [(one[v][k][i] + other[v][k][i]) / 2 for i in range(len(bases[v]))]
            for k in range(len(crops[v]))
        ]
        for v in range(len(crops))
    ]
    return {
        "prediction": split(logits, overlaps, "square"),
        "regularisation": squared_regularisation(bases),
        "inter_volume": ZERO,
        "logits": logits,
    }


def tpami(crops, bases, teacher_crops, teacher_bases, overlaps):
    """The student's crops meet the teacher's bases, and every volume meets the next one."""
    logits = logits_of(crops, constant(teacher_bases))
    volumes = len(crops)
    inter_volume = ZERO
    if volumes > 1:
        following = [(v + 1) % volumes for v in range(volumes)]
        target = logits_of(constant(teacher_crops), constant([teacher_bases[v] for v in following]))
        inter_volume = split(logits_of(crops, [bases[v] for v in following]), target, "log")
    return {
        "prediction": split(logits, overlaps, "log"),
        "regularisation": squared_regularisation(bases),
        "inter_volume": inter_volume,
        "logits": logits,
    }


RECIPES = {"paper": paper, "cvpr-code": cvpr_code, "tpami": tpami}
