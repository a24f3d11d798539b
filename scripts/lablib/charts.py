# SPDX-License-Identifier: Apache-2.0
"""The report's drawings: the topology as SVG by hand, charts by gnuplot."""

import shutil
import subprocess
from html import escape

INK, GRID = "#333333", "#dddddd"
COLOURS = ("#1b6ca8", "#c8553d", "#4f8a4c", "#8a5aa8", "#b8860b", "#5b7083")
MOST_POINTS = 200  # of all lines of a panel: a chart is to stay small


def thinned(points, most=MOST_POINTS):
    """Not more than that; in each stretch the highest, so that no peak is lost."""
    if len(points) <= most:
        return points
    step = -(-len(points) // most)
    return [max(points[at:at + step], key=lambda point: point[1]) for at in range(0, len(points), step)]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def panel(title, x_label, y_label, series, extra=""):
    """gnuplot's commands for one set of axes. `series`: (name, points)."""
    shown = [thinned(points, MOST_POINTS // len(series)) for _, points in series]
    blocks = "".join(f"$data{number} << EOD\n" + "".join(f"{x:.6g} {y:.6g}\n" for x, y in points) + "EOD\n"
                     for number, points in enumerate(shown))
    lines = ", ".join(f"$data{number} using 1:2 with lines linewidth 1.6 linecolor rgb '{COLOURS[number % len(COLOURS)]}' "
                      f"title {quoted(name)}" for number, (name, _) in enumerate(series))
    key = "set key outside top center horizontal samplen 1.5" if len(series) > 1 else "set key off"
    return (f"set title {quoted(title)}\nset xlabel {quoted(x_label)}\nset ylabel {quoted(y_label)}\n{key}\n"
            f"set yrange [0:*]\n{extra}\n{blocks}plot {lines}\n")


def draw(path, panels, columns=1):
    """Writes an SVG of panels; gives whether there is one."""
    if not panels or not shutil.which("gnuplot"):
        return False
    rows = -(-len(panels) // columns)
    script = (f"set terminal svg size 800,{280 * rows} noenhanced background '#ffffff' font 'sans-serif,12'\n"
              f"set output {quoted(str(path))}\nset encoding utf8\nset border 3 linecolor rgb '{INK}'\n"
              f"set tics nomirror out\nset style line 9 linecolor rgb '{GRID}'\nset grid linestyle 9\n"
              f"set multiplot layout {rows},{columns}\n{''.join(panels)}unset multiplot\n")
    done = subprocess.run(["gnuplot"], input=script.encode(), capture_output=True)
    if done.returncode:
        raise RuntimeError(f"gnuplot failed at {path}: {done.stderr.decode()[-400:]}")
    return True


def shades(windows, since):
    """A grey stretch for each fault; the axis has minutes."""
    return "".join(f"set object {number} rectangle from {(begin - since) / 60:.6g}, graph 0 to {(end - since) / 60:.6g}, graph 1 "
                   "fillcolor rgb '#eeeeee' fillstyle solid noborder behind\n"
                   for number, (begin, end) in enumerate(windows, 1)) or "\n"


# ---- the topology ----

def topology(instances, waf_nodes):
    """Who sends what to whom, in one picture."""
    instances, waf_nodes = max(1, instances), max(1, waf_nodes)
    height = max(250, 60 + 58 * max(instances, waf_nodes, 2))
    middle = height / 2
    boxes, arrows = [], []

    def box(x, y, title, more, width=126):
        boxes.append(f'<rect x="{x}" y="{y - 20:g}" width="{width}" height="40" rx="5" class="box"/>'
                     f'<text x="{x + width / 2:g}" y="{y - 3:g}">{escape(title)}</text>'
                     f'<text x="{x + width / 2:g}" y="{y + 12:g}" class="small">{escape(more)}</text>')
        return x, y, width

    def arrow(left, right, kind="line"):
        arrows.append(f'<path d="M{left[0] + left[2]} {left[1]:g} L{right[0] - 3} {right[1]:g}" class="{kind}" '
                      'marker-end="url(#end)"/>')

    def column(x, number, name, more):
        first = middle - 29 * (number - 1)
        return [box(x, first + 58 * each, name(each + 1), more(each + 1)) for each in range(number)]

    clients = box(8, middle, "clients", "and attackers")
    origins = column(182, 2, lambda n: f"origin {n}", lambda n: ("nginx", "Node, gRPC")[n - 1])
    balancer = box(374, middle, "balancer", "UDP 4789, as NLB")
    rebuilders = column(556, instances, lambda n: f"rebuilder {n}", lambda n: "requests from packets")
    alb = box(738, middle, "haproxy", "8445, as ALB")
    nodes = column(912, waf_nodes, lambda n: f"WAF node {n}", lambda n: "nginx, core rule set")
    for origin in origins:
        arrow(clients, origin)
        arrow(origin, balancer, "mirror")
    for rebuilder in rebuilders:
        arrow(balancer, rebuilder, "mirror")
        arrow(rebuilder, alb)
    for node in nodes:
        arrow(alb, node)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="1048" height="{height:g}" viewBox="0 0 1048 {height:g}"
 font-family="sans-serif" font-size="13" text-anchor="middle" fill="{INK}">
<style>.box {{fill: #f4f7fa; stroke: {COLOURS[0]}}} .small {{font-size: 10px}} .line, .mirror {{stroke: {INK}; fill: none}}
.mirror {{stroke: {COLOURS[1]}; stroke-dasharray: 5 3}}</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
{"".join(arrows)}
{"".join(boxes)}
<text x="524" y="{height - 8:g}" class="small">solid: HTTP requests &#8194; dashed: mirrored packets in VXLAN, one way</text>
</svg>
"""
