"""Records of the bench as a machine of known speed would write them."""


def made_up(megapixels, solver="multigrid", threads=1, scale=1.0, exponent=1.0, **more):
    """A record of three repeats of (0.9, 1, 1.2) times megapixels^exponent seconds."""
    times = [scale * factor * megapixels**exponent for factor in (0.9, 1.0, 1.2)]
    machine = {"cpu": "abacus", "cores": 2, "ram_gb": 8.0, "system": "frames", "commit": "abc", "versions": {}}
    record = {"run": "1", "machine": machine, "kind": "measure", "image": "photo", "megapixels": megapixels}
    record |= {"pattern": "A", "weights": "s02", "pixels": megapixels * 1e6, "hash": f"h{megapixels}", "solver": solver}
    record |= {
        "threads": threads,
        "status": "ok",
        "reason": "",
        "iterations": 12,
        "error": 0.25,
        "reference": "cholmod",
    }
    record |= {
        "seconds": [
            {"weights": 0.1 * t, "setup": 0.4 * t, "solve": 0.5 * t, "assemble": 99.0, "cpu": 0.9 * t} for t in times
        ]
    }
    return {**record, "baseline_bytes": 50e6 * megapixels, "peak_bytes": 140e6 * megapixels, **more}


def stroked(middle, **more):
    return {
        "stroke": {"status": "ok", "reason": "", "seconds": [middle, 2 * middle], "error": 0.1, "way": "edited"}
    } | more
