"""From "does not convert" to a native int8 model, on real data: `make demo`.

Trains a small network on scikit-learn's handwritten digits, shows that the stock converter refuses
it, converts it with the kit to float and to int8, and measures parity, accuracy, latency and size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
warnings.filterwarnings("ignore")

import latency  # noqa: E402
import network as digits  # noqa: E402
import numpy as np  # noqa: E402
from rich import box  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402
from rich.panel import Panel  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402
from rich.rule import Rule  # noqa: E402
from rich.table import Table  # noqa: E402

import opkit  # noqa: E402
from opkit.report.html import write_html  # noqa: E402
from opkit.report.tables import convert_view, model_view, scan_view  # noqa: E402
from opkit.report.text import duration  # noqa: E402
from opkit.runtime import installed_hosts  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


@contextlib.contextmanager
def runtime_messages_to(log: pathlib.Path) -> Iterator[None]:
    """What TensorFlow's libraries write to the error stream goes to a file meanwhile."""
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


class Demo:
    """The steps in order; each prints its table and leaves what the next ones need."""

    def __init__(self, out: pathlib.Path, epochs: int, samples: int):
        self.out = out
        self.epochs = epochs
        self.count = samples
        self.console = Console(record=True)
        self.started = time.perf_counter()
        self.problems: list[str] = []

    def run(self) -> int:
        steps = (
            ("A network on handwritten digits", self.train),
            ("What the stock converter says", self.refusal),
            ("What the model needs: opkit scan", self.scan),
            ("To float: opkit.convert(model)", self.to_float),
            ("To int8: opkit.convert(model, int8=True)", self.to_int8),
            ("Parity with TensorFlow: opkit.verify", self.parity),
            ("Test accuracy", self.accuracy),
            ("Latency, one thread", self.latency),
            ("Sizes", self.sizes),
        )
        for number, (title, step) in enumerate(steps, 1):
            start = time.perf_counter()
            self.console.print()
            self.console.print(Rule(f"[bold]{number}  {escape(title)}", align="left"))
            step()
            self.console.print(f"{time.perf_counter() - start:.1f} s", style="dim")
        return self.close()

    def table(self, *columns: str, right: tuple[str, ...] = ()) -> Table:
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left")
        return table

    # --- the steps ------------------------------------------------------------------------------

    def train(self) -> None:
        import keras

        keras.utils.set_random_seed(0)
        self.train_x, self.train_y, self.test_x, self.test_y = digits.load_data()
        self.network = digits.build_network()
        columns = (
            TextColumn("training"),
            BarColumn(),
            TextColumn("epoch {task.completed:.0f} of {task.total:.0f}, accuracy {task.fields[a]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task("", total=self.epochs, a="-")

            def on_epoch(epoch: int, logs: dict[str, float]) -> None:
                progress.update(task, completed=epoch + 1, a=f"{logs['accuracy']:.3f}")

            digits.train(self.network, self.train_x, self.train_y, self.epochs, on_epoch)
        self.saved = self.out / "saved_model"
        shutil.rmtree(self.saved, ignore_errors=True)
        self.network.export(str(self.saved), verbose=False)
        table = self.table("data", "train", "test", "parameters", "epochs", right=("train", "test"))
        table.add_row(
            "scikit-learn digits, 8x8 grey",
            str(len(self.train_x)),
            str(len(self.test_x)),
            f"{self.network.count_params():,}",
            str(self.epochs),
        )
        self.console.print(table)

    def refusal(self) -> None:
        stock = self.out / "stock.tflite"
        command = [sys.executable, str(HERE / "stock.py"), str(self.saved), str(stock)]
        with self.console.status("three attempts, in a process of their own"):
            done = subprocess.run(command, capture_output=True, text=True)
        table = self.table("allowed", "converts", "runs", "why not")
        refused: set[str] = set()
        for line in done.stdout.splitlines():
            found = json.loads(line)
            allowed = "builtins" + " + Flex" * found["select"] + " + custom ops" * found["custom"]
            if not found["converts"]:
                missing = found["flex_ops"] + found["custom_ops"]
                refused.update(missing)
                why = "no builtin, and not allowed: " + ", ".join(missing)
                table.add_row(allowed, "[red]no", "-", why)
                continue
            says = " ".join(found["says"].split())
            runs = "[green]yes" if found["runs"] else "[red]no"
            table.add_row(allowed, "[green]yes", runs, escape(says.split(". ")[0][:200]))
        self.console.print(table)
        if done.returncode != 0 or not stock.exists():
            self.console.print(escape(done.stderr[-2000:]))
            raise SystemExit("the stock converter gave no model to look at")
        self.refused = sorted(refused)
        self.stock = stock
        text = f"{len(self.refused)} ops stand in the way: {', '.join(self.refused)}"
        self.console.print(text, style="bold")

    def scan(self) -> None:
        self.console.print(scan_view(self.stock.name, opkit.scan(self.stock)))

    def to_float(self) -> None:
        self.float_path = self.out / "digits.tflite"
        self.float_result = opkit.convert(
            self.network, output=self.float_path, overwrite=True, verify=False
        )
        self.console.print(convert_view(self.float_result))

    def samples(self, count: int, images: np.ndarray) -> list[np.ndarray]:
        return [images[i : i + 1] for i in range(min(count, len(images)))]

    def to_int8(self) -> None:
        self.int8_path = self.out / "digits.int8.tflite"
        self.int8_result = opkit.convert(
            self.network,
            int8=True,
            representative_dataset=self.samples(self.count, self.train_x),
            output=self.int8_path,
            overwrite=True,
            verify=False,
        )
        self.console.print(convert_view(self.int8_result))

    def parity(self) -> None:
        samples = self.samples(100, self.test_x)
        for path in (self.float_path, self.int8_path):
            with self.console.status(f"{path.name} on {len(samples)} test images"):
                report = opkit.verify(path, self.network, samples)
            self.console.print(f"[bold]{path.name}[/] against the Keras model")
            self.console.print(model_view(report))
            write_html(report, self.out / f"{path.stem}.parity.html")
            if not report.ok:
                self.problems.append(f"{path.name}: {report.summary()}")

    def classify(self, path: pathlib.Path, host: str) -> np.ndarray:
        """Labels of the test images."""
        data = path.read_bytes()
        interpreter = latency.loaded(data, [self.test_x], host=host)
        interpreter.invoke()
        result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        return np.argmax(result, axis=1)

    def accuracy(self) -> None:
        table = self.table("model", "on", "accuracy", "as TensorFlow", right=("accuracy",))
        exact = np.argmax(self.network.predict(self.test_x, verbose=0), axis=1)
        self.scores = {"TensorFlow": float(np.mean(exact == self.test_y))}
        table.add_row("Keras", "TensorFlow", f"{self.scores['TensorFlow']:.2%}", "-")
        for name, path in (("float", self.float_path), ("int8", self.int8_path)):
            for host in installed_hosts():
                labels = self.classify(path, host.name)
                self.scores[name] = float(np.mean(labels == self.test_y))
                same = f"{int(np.sum(labels == exact))} of {len(exact)}"
                table.add_row(name, str(host), f"{self.scores[name]:.2%}", same)
        self.console.print(table)
        lost = self.scores["float"] - self.scores["int8"]
        if lost > 0.01:
            self.problems.append(f"int8 loses {lost:.2%} of accuracy, more than 1 point")

    def latency(self) -> None:
        float_data, int8_data = self.float_path.read_bytes(), self.int8_path.read_bytes()
        table = self.table(
            "node", "float32 input", "float", "int8 input", "int8", "float / int8",
            right=("float", "int8", "float / int8"),
        )  # fmt: skip
        sample = self.test_x[:1]
        floats, ints = latency.kernels(float_data, sample), latency.kernels(int8_data, sample)
        with self.console.status("each kernel alone, on the values it has in the model"):
            for a, b in zip(floats, ints, strict=True):
                times = latency.race({"float": a.interpreter, "int8": b.interpreter})
                stays = "" if b.dtype != a.dtype else " (stays float)"
                self.row(table, a.op, str(list(a.shape)), f"{b.dtype}{stays}", times)
        table.add_section()
        self.whole: dict[int, Any] = {}
        with self.console.status("the whole model"):
            for batch in (1, 32):
                images = self.test_x[:batch]
                models = {
                    "float": latency.loaded(float_data, [images]),
                    "int8": latency.loaded(int8_data, [images]),
                }
                self.whole[batch] = times = latency.race(models)
                shape = str(list(images.shape))
                self.row(table, f"[bold]whole model, batch {batch}", shape, "", times)
        self.console.print(table)
        note = (
            "Medians and quartiles of 15 rounds of CPU time, float and int8 in turn, each with the "
            f"call from Python. Instruction set: {opkit.get_simd()}."
        )
        self.console.print(note, style="dim")

    def row(self, table: Table, name: str, shape: str, dtype: str, times: dict[str, Any]) -> None:
        def cell(t: Any) -> str:
            return f"{duration(t.median)} [dim]{escape(f'[{duration(t.p25)}, {duration(t.p75)}]')}"

        ratio = times["float"].median / times["int8"].median
        cells = (cell(times["float"]), dtype, cell(times["int8"]), f"{ratio:.2f}x")
        table.add_row(name, escape(shape), *cells)

    def sizes(self) -> None:
        table = self.table("file", "size", "holds", right=("size",))
        library = opkit.delegate_path()
        ops = len(opkit.declarations())
        for path, what in (
            (self.stock, "the stock converter's model, which does not run"),
            (self.float_path, "float model"),
            (self.int8_path, "int8 model"),
            (library, f"all {ops} kernels and the delegate"),
        ):
            table.add_row(path.name, f"{path.stat().st_size / 1000:,.0f} kB", what)
        flex = self.flex_bytes()
        if flex:
            size = f"{flex / 1e6:,.0f} MB"
            table.add_row("TensorFlow's libraries", size, "what Flex links, for comparison")
        self.console.print(table)
        self.library_bytes = library.stat().st_size

    @staticmethod
    def flex_bytes() -> int:
        import tensorflow as tf

        folder = pathlib.Path(tf.sysconfig.get_lib())
        return sum(p.stat().st_size for p in folder.glob("libtensorflow_*.so*") if p.is_file())

    # --- the end --------------------------------------------------------------------------------

    def close(self) -> int:
        one = self.whole[1]
        stays = f"{self.scores['int8']:.2%} in int8"
        lines = [
            f"The stock converter refused {len(self.refused)} ops; now it runs without Flex.",
            f"Accuracy: {self.scores['TensorFlow']:.2%} in TensorFlow, "
            f"{self.scores['float']:.2%} in float, {stays}.",
            f"Latency of one image: {duration(one['float'].median)} in float, "
            f"{duration(one['int8'].median)} in int8.",
            f"Size: {self.float_path.stat().st_size / 1000:,.0f} kB in float, "
            f"{self.int8_path.stat().st_size / 1000:,.0f} kB in int8, "
            f"kernels {self.library_bytes / 1e6:.1f} MB.",
            f"Files and HTML reports: {self.out}",
        ]
        took = time.perf_counter() - self.started
        good = not self.problems
        title = f"{'Done' if good else 'Not as it should be'} in {took:.0f} s"
        lines += [f"[bold red]{escape(p)}" for p in self.problems]
        self.console.print()
        style = "green" if good else "red"
        self.console.print(Panel("\n".join(lines), title=title, border_style=style, expand=False))
        self.console.save_html(str(self.out / "demo.html"), clear=False)
        return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/digits"))
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--samples", type=int, default=300, help="for calibration")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with runtime_messages_to(options.out / "runtime.log"):
        return Demo(options.out, options.epochs, options.samples).run()


if __name__ == "__main__":
    sys.exit(main())
