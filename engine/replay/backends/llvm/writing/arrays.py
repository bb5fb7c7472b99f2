"""Arrays: machine code that looks at NumPy's arrays itself, and copies their numbers.

To ask arrays in Python for their types and shapes, and to copy them, takes a tenth of a call with a small
batch. Here it takes some nanoseconds: an array is read as the struct that NumPy's interface for C has.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.replay.backends.llvm.writing.module import loads

__all__ = ["OTHER", "TEXT", "is_possible", "told"]

OTHER = -1  # what the function gives where an array is not as it was told
PLAIN = 1 | 256  # of an array's flags: its numbers side by side, at multiples of 8 bytes
AROUND = (ctypes.pythonapi.PyEval_SaveThread, ctypes.pythonapi.PyEval_RestoreThread)
# The fields of structs, each at a multiple of 8 bytes: of what the function is told, and of an array.
HEAD = ("i64 count", "ptr class", "ptr function", "ptr list", "ptr save", "ptr restore")
ARGUMENT = ("ptr dtype", "i64 ndim", "ptr shape", "i64 size", "ptr copy", "i64 is_whole")
ARRAY = ("", "ptr own_class", "ptr data", "i32 rank", "ptr own_shape", "", "", "ptr own_dtype", "i32 flags")


def told(function: int, place: int, arguments: Iterable[tuple[Any, Any, Any]]) -> list[int]:
    """What `enter` is told: which function to call, with which list, and of each argument where to copy it.

    An argument is a type, a shape and an array of float64; it is to have the type, which is float64 or int64.
    """
    known = [
        (id(dtype), len(shape), ctypes.addressof(shape), copy.size, copy.ctypes.data, int(dtype.kind == "i"))
        for dtype, shape, copy in arguments
    ]
    around = [ctypes.cast(each, ctypes.c_void_p).value or 0 for each in AROUND]
    return [len(known), id(np.ndarray), function, place, *around, *(word for each in known for word in each)]


def is_possible() -> bool:
    """Whether objects lie in memory as the text has it: tried with an array whose facts are known."""
    if sys.implementation.name != "cpython" or object.__basicsize__ != 16:
        return False
    array = np.zeros((2, 3))
    pair = (array, array)
    first = ctypes.c_size_t.from_address(id(pair) + tuple.__basicsize__).value
    words = (ctypes.c_size_t * len(ARRAY)).from_address(id(array))
    kind, data, ndim, shape, dtype, flags = (words[number] for number, field in enumerate(ARRAY) if field)
    found = (first, kind, data, ndim % 2**32, dtype, flags & PLAIN)
    wanted = (id(array), id(np.ndarray), array.ctypes.data, 2, id(array.dtype), PLAIN)
    return found == wanted and [*(ctypes.c_int64 * 2).from_address(shape)] == [2, 3]


# The function `enter` of the addresses of a tuple and of what it is told. Where each item is an array as it
# is told, their numbers are copied, as float64, and the function called. Other threads may run meanwhile, as
# in a call by ctypes; but not while the arrays are looked at.
TEXT = f"""
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i32 @memcmp(ptr, ptr, i64)
define i32 @enter(ptr %tuple, ptr %told) {{
{loads("told", HEAD)}
%items = getelementptr i8, ptr %tuple, i64 {tuple.__basicsize__}
%arguments = getelementptr i64, ptr %told, i64 {len(HEAD)}
br label %next
next:
%k = phi i64 [0, %0], [%k_next, %done]
%argument = phi ptr [%arguments, %0], [%argument_next, %done]
%is_more = icmp ult i64 %k, %count
br i1 %is_more, label %look, label %run
look:
{loads("argument", ARGUMENT)}
%item = getelementptr ptr, ptr %items, i64 %k
%array = load ptr, ptr %item
{loads("array", ARRAY[:2])}
%is_array = icmp eq ptr %own_class, %class
br i1 %is_array, label %compare, label %other
compare:
{loads("array", ("", "", *ARRAY[2:]))}
%plain = and i32 %flags, {PLAIN}
%is_plain = icmp eq i32 %plain, {PLAIN}
%is_dtype = icmp eq ptr %own_dtype, %dtype
%own_dimensions = zext i32 %rank to i64
%is_ndim = icmp eq i64 %own_dimensions, %ndim
%is_either = and i1 %is_plain, %is_dtype
%is_like = and i1 %is_either, %is_ndim
br i1 %is_like, label %measure, label %other
measure:
%shape_bytes = shl i64 %ndim, 3
%difference = call i32 @memcmp(ptr %shape, ptr %own_shape, i64 %shape_bytes)
%is_shape = icmp eq i32 %difference, 0
br i1 %is_shape, label %take, label %other
take:
%converts = icmp ne i64 %is_whole, 0
br i1 %converts, label %convert, label %whole_copy
whole_copy:
%bytes = shl i64 %size, 3
call void @llvm.memcpy.p0.p0.i64(ptr %copy, ptr %data, i64 %bytes, i1 false)
br label %done
convert:
%j = phi i64 [0, %take], [%j_next, %one]
%is_left = icmp ult i64 %j, %size
br i1 %is_left, label %one, label %done
one:
%from = getelementptr i64, ptr %data, i64 %j
%integer = load i64, ptr %from
%number = sitofp i64 %integer to double
%to = getelementptr double, ptr %copy, i64 %j
store double %number, ptr %to
%j_next = add i64 %j, 1
br label %convert
done:
%k_next = add i64 %k, 1
%argument_next = getelementptr i64, ptr %argument, i64 {len(ARGUMENT)}
br label %next
run:
%thread = call ptr %save()
%raised = call i32 %function(ptr %list)
call void %restore(ptr %thread)
ret i32 %raised
other:
ret i32 {OTHER}
}}"""
