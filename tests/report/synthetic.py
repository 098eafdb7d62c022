"""Many cells of many models at once, for what must stay quick and small."""

from pathlib import Path

from harness.records import store
from harness.risk.load import load_registry
from tests.builders import cell, estimate, level


def write(folder: Path, models: int = 40, workloads: int = 5, levels: int = 50) -> Path:
    """A sweep of models x workloads x levels cells, one load level each; the sweep's folder.

    Models are the first of the shipped registry, throughputs differ from cell to cell.
    """
    keys = [key.partition("@")[0] for key in list(load_registry().models)[:models]]
    for number, key in enumerate(keys):
        for workload in range(workloads):
            for load in range(levels):
                rate = 5.0 + (number * 7 + workload * 13 + load * 3) % 97
                made = cell(
                    f"m{number:02}-w{workload}-{load:012x}",
                    config={
                        "model.name": f"model_{number:02}",
                        "model.key": key,
                        "workload.name": f"load_{workload}",
                        "seed": load,
                    },
                    levels=(level(output_tok_per_s=estimate(rate)),),
                )
                place = folder / made.cell_id
                place.mkdir(parents=True)
                store.write_text(place / store.CELL_FILE, made.model_dump_json())
    return folder
