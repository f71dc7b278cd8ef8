"""The course as inline SVG: pure strings, classes and pattern fills only, so that the strictest policy can hold it."""

from tocsin.report.svg.marks import NARROW, WIDE
from tocsin.report.svg.picture import PARTS, Picture, course_svg, window_of
from tocsin.report.svg.spark import spark_svg

__all__ = ["NARROW", "PARTS", "WIDE", "Picture", "course_svg", "spark_svg", "window_of"]
