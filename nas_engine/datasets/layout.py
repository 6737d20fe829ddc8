"""Which file is of which class and part: read off the paths alone, the same for a folder and for a zip."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from nas_engine.datasets.pictures import SUFFIXES

MOST_CLASSES = 1000
_TRAIN, _TEST = "train", "test"
_VALID = ("valid", "val", "validation")
_LITTER = ("__macosx", "thumbs.db", "desktop.ini", "@eadir")

Item = tuple[str, int]


class BadLayout(Exception):
    """The paths are not a set of class folders. The text says what is wrong and what to do."""


@dataclass(frozen=True)
class Layout:
    """``train`` and ``test`` list (path, class number); ``test`` is None where there is no test folder.
    ``left_out`` counts the files that are not images."""

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    test: tuple[Item, ...] | None
    left_out: int


def arrange(files: list[str], folders: list[str]) -> Layout:
    """Sort slash-separated relative paths into classes; ``folders`` adds those that hold no file.

    Class folders may stand at the top, inside one wrapping folder, or below train/, valid/ and test/; valid is joined
    to train, since a search holds out its own part. Raises BadLayout.
    """
    paths = [path for name in files if not _is_litter(path := PurePosixPath(name))]
    images = [path for path in paths if path.suffix.lower() in SUFFIXES]
    if not images:
        raise BadLayout(
            f"it holds no images. Known endings: {' '.join(sorted(SUFFIXES))}. Put the images of each class in a "
            "folder of its own"
        )
    tree = _Tree(images, [*(path.parent for path in paths), *map(PurePosixPath, folders)])
    root = tree.unwrap()
    parts = {path.name.lower(): path for path in tree.children(root)}
    if _TRAIN in parts and tree.children(parts[_TRAIN]) and not tree.direct_images(parts[_TRAIN]):
        classes, train, test = _from_parts(tree, root, parts)
    else:
        classes, train, test = _from_classes(tree, [root])[:2] + (None,)
    used = len(train) + len(test or ())
    return Layout(classes, tuple(train), None if test is None else tuple(test), len(paths) - used)


class _Tree:
    """Folders and the images in them."""

    def __init__(self, images: list[PurePosixPath], folders: list[PurePosixPath]):
        self.images = sorted(images)
        self.folders: dict[PurePosixPath, set[PurePosixPath]] = {PurePosixPath(): set()}
        self.direct: dict[PurePosixPath, int] = {}
        for image in self.images:
            self.direct[image.parent] = self.direct.get(image.parent, 0) + 1
        for folder in (*self.direct, *folders):
            while folder.parts and not _is_litter(folder):
                self.folders.setdefault(folder, set())
                self.folders.setdefault(folder.parent, set()).add(folder)
                folder = folder.parent

    def children(self, folder: PurePosixPath) -> list[PurePosixPath]:
        return sorted(self.folders.get(folder, ()))

    def direct_images(self, folder: PurePosixPath) -> int:
        return self.direct.get(folder, 0)

    def unwrap(self) -> PurePosixPath:
        """Down through folders that hold nothing but one folder that has folders itself."""
        root = PurePosixPath()
        while len(inner := self.children(root)) == 1 and not self.direct_images(root) and self.children(inner[0]):
            root = inner[0]
        return root


def _from_parts(tree: _Tree, root: PurePosixPath, parts: dict[str, PurePosixPath]):
    known = (_TRAIN, _TEST, *_VALID)
    if stray := [path.name for name, path in parts.items() if name not in known]:
        raise BadLayout(f"beside train/ stands {stray[0]}/. Leave only train/, valid/ and test/ there")
    train_parts = [parts[name] for name in (_TRAIN, *_VALID) if name in parts]
    classes, train = _from_classes(tree, train_parts)
    if _TEST not in parts:
        return classes, train, None
    test_names = [path.name for path in tree.children(parts[_TEST])]
    if unknown := [name for name in test_names if name not in classes]:
        raise BadLayout(f"test/ has the class {unknown[0]}, which train/ lacks. Give both the same class folders")
    test = _collect(tree, [parts[_TEST]], classes)
    if not test:
        raise BadLayout("test/ holds no images in class folders. Fill it, or leave it out and a part is held out")
    return classes, train, test


def _from_classes(tree: _Tree, roots: list[PurePosixPath]) -> tuple[tuple[str, ...], list[Item]]:
    classes = tuple(sorted({path.name for root in roots for path in tree.children(root)}))
    if not classes:
        raise BadLayout("all images lie in one folder. Put the images of each class in a folder of its own")
    if len(classes) == 1:
        raise BadLayout(f"it has one class only, {classes[0]}. Sorting needs two or more class folders")
    if len(classes) > MOST_CLASSES:
        raise BadLayout(f"it has {len(classes)} class folders; the most is {MOST_CLASSES}")
    items = _collect(tree, roots, classes)
    filled = {number for _, number in items}
    if empty := [name for number, name in enumerate(classes) if number not in filled]:
        raise BadLayout(f"the class {empty[0]} has no images. Fill its folder or take it out")
    return classes, items


def _collect(tree: _Tree, roots: list[PurePosixPath], classes: tuple[str, ...]) -> list[Item]:
    """The images at any depth below roots/class, in order of path."""
    numbers = {name: number for number, name in enumerate(classes)}
    items = []
    for image in tree.images:
        for root in roots:
            below = image.parts[len(root.parts) :]
            if image.is_relative_to(root) and len(below) > 1 and below[0] in numbers:
                items.append((str(image), numbers[below[0]]))
    return items


def _is_litter(path: PurePosixPath) -> bool:
    """What systems leave behind: hidden files, macOS resource forks, thumbnail caches."""
    return any(part.startswith(".") or part.lower() in _LITTER for part in path.parts)
