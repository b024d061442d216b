"""Charts as numbers: slots of time, scales, curves and graduated rules, drawn as SVG by ``templates/charts.html``."""
