"""Building sdist and wheel from a commit's tree, where the project's code can neither see nor touch anything of ours.

`tree` reads the archive, `fence` makes the place where foreign code runs, `supervise` is process 1 in there, `make`
builds; `service.BuilderAdapter` is the one thing to construct.
"""
