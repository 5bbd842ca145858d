"""Vector instructions over the lanes of a block, and calls of generated code by address.

A **slot** is one number for each of the 16 people of a block, side by side in memory; workspaces
are flat arrays of slots.
"""

from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

#: People in a block.
LANES = 16


@intrinsic
def dot(typing_context, a, a_at, b, b_at, left, right, first, last, out, out_at):
    """Slot out_at of out = sum over first <= t < last of a[left[t]] b[right[t]], slot by slot.

    ``left`` and ``right`` (int64) count slots from a_at and b_at; all arrays are flat.
    """
    signature = types.void(a, a_at, b, b_at, left, right, first, last, out, out_at)

    def codegen(context, builder, signature, arguments):
        def data(array):
            return context.make_array(signature.args[array])(
                context, builder, arguments[array]
            ).data

        lanes = ir.VectorType(ir.DoubleType(), LANES)
        multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(lanes, [lanes] * 3), f"llvm.fmuladd.v{LANES}f64"
        )
        width = ir.Constant(ir.IntType(64), LANES)

        def slot(pointer, base, offset):
            place = builder.mul(builder.add(base, offset), width)
            return builder.bitcast(builder.gep(pointer, [place]), ir.PointerType(lanes))

        a_data, b_data, left_data, right_data, out_data = (data(i) for i in (0, 2, 4, 5, 8))
        total = cgutils.alloca_once_value(builder, ir.Constant(lanes, [0.0] * LANES))
        count = builder.sub(arguments[7], arguments[6])
        with cgutils.for_range(builder, count) as loop:
            t = builder.add(loop.index, arguments[6])
            left_slot = builder.load(builder.gep(left_data, [t]))
            right_slot = builder.load(builder.gep(right_data, [t]))
            x = builder.load(slot(a_data, arguments[1], left_slot), align=8)
            y = builder.load(slot(b_data, arguments[3], right_slot), align=8)
            builder.store(builder.call(multiply_add, [x, y, builder.load(total)]), total)
        target = slot(out_data, arguments[9], ir.Constant(ir.IntType(64), 0))
        builder.store(builder.load(total), target, align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def largest(typing_context, slots, at):
    """The largest number of a slot that holds none below zero; NaN if any of them is NaN."""
    signature = types.float64(slots, at)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.mul(arguments[1], ir.Constant(ir.IntType(64), LANES))
        kind = ir.PointerType(ir.VectorType(ir.DoubleType(), LANES))
        whole = builder.load(builder.bitcast(builder.gep(data, [place]), kind), align=8)
        unknown = builder.bitcast(builder.fcmp_unordered("uno", whole, whole), ir.IntType(LANES))
        width, left = LANES, whole
        while width > 1:
            width //= 2
            low, high = (
                builder.shuffle_vector(
                    left, left, ir.Constant(ir.VectorType(ir.IntType(32), width), places)
                )
                for places in (list(range(width)), list(range(width, 2 * width)))
            )
            left = builder.select(builder.fcmp_ordered(">", low, high), low, high)
        found = builder.extract_element(left, ir.Constant(ir.IntType(32), 0))
        nothing = ir.Constant(ir.IntType(LANES), 0)
        nan = ir.Constant(ir.DoubleType(), float("nan"))
        return builder.select(builder.icmp_unsigned("!=", unknown, nothing), nan, found)

    return signature, codegen


@intrinsic
def copy(typing_context, source, source_at, target, target_at, count):
    """Copy ``count`` slots from slot source_at of one flat array to slot target_at of another."""
    signature = types.void(source, source_at, target, target_at, count)

    def codegen(context, builder, signature, arguments):
        kind = ir.PointerType(ir.VectorType(ir.DoubleType(), LANES))

        def place(array, at):
            data = context.make_array(signature.args[array])(
                context, builder, arguments[array]
            ).data
            return builder.gep(builder.bitcast(data, kind), [arguments[at]])

        source_slot, target_slot = place(0, 1), place(2, 3)
        with cgutils.for_range(builder, arguments[4]) as loop:
            value = builder.load(builder.gep(source_slot, [loop.index]), align=8)
            builder.store(value, builder.gep(target_slot, [loop.index]), align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def expect_write(typing_context, array, i, j, k):
    """Ask for the cache line of array[i, j, k], which need not exist, to be written to soon."""
    signature = types.void(array, i, j, k)

    def codegen(context, builder, signature, arguments):
        kind = signature.args[0]
        whole = context.make_array(kind)(context, builder, arguments[0])
        shape = cgutils.unpack_tuple(builder, whole.shape, 3)
        strides = cgutils.unpack_tuple(builder, whole.strides, 3)
        place = cgutils.get_item_pointer2(
            context, builder, whole.data, shape, strides, kind.layout, arguments[1:]
        )
        byte, number = ir.PointerType(ir.IntType(8)), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
            "llvm.prefetch.p0",
        )
        write, near, data = (ir.Constant(number, value) for value in (1, 3, 1))
        builder.call(function, [builder.bitcast(place, byte), write, near, data])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def gather(typing_context, slots, at, stride, count, array, i, j, k):
    """array[i, j, k : k + count] = slots[at], slots[at + stride], ...; ``count`` is a literal."""
    if not isinstance(count, types.IntegerLiteral) or array.layout != "C":
        return None
    many = count.literal_value
    signature = types.void(slots, at, stride, count, array, i, j, k)

    def codegen(context, builder, signature, arguments):
        source = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        whole = context.make_array(signature.args[4])(context, builder, arguments[4])
        shape = cgutils.unpack_tuple(builder, whole.shape, 3)
        strides = cgutils.unpack_tuple(builder, whole.strides, 3)
        place = cgutils.get_item_pointer2(
            context, builder, whole.data, shape, strides, "C", arguments[5:]
        )
        row = ir.VectorType(ir.DoubleType(), many)
        value, at = ir.Constant(row, ir.Undefined), arguments[1]
        for number in range(many):
            one = builder.load(builder.gep(source, [at]))
            value = builder.insert_element(value, one, ir.Constant(ir.IntType(32), number))
            at = builder.add(at, arguments[2])
        builder.store(value, builder.bitcast(place, ir.PointerType(row)), align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def call(typing_context, address, work, propagator, propagator_at, hours):
    """Call generated code: f(work, propagator + slot propagator_at, hours, LANES).

    The number of lanes is an argument so that the compiler takes lanes together in vectors; it
    would write out a loop of known length one by one.
    """
    signature = types.void(types.intp, work, propagator, types.intp, types.float64)

    def codegen(context, builder, signature, arguments):
        def data(array):
            return context.make_array(signature.args[array])(
                context, builder, arguments[array]
            ).data

        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, ir.DoubleType(), ir.IntType(64)])
        function = builder.inttoptr(arguments[0], ir.PointerType(kind))
        place = builder.mul(arguments[3], ir.Constant(ir.IntType(64), LANES))
        lanes = ir.Constant(ir.IntType(64), LANES)
        builder.call(function, [data(1), builder.gep(data(2), [place]), arguments[4], lanes])
        return context.get_dummy_value()

    return signature, codegen


@njit(cache=True, nogil=True, error_model="numpy")
def multiply(entries, start, left, right, a, a_at, b, b_at, out, out_at):
    """Product of two sparse matrices of slots with one pattern (see :class:`lanes.Pattern`)."""
    for i in range(entries):
        dot(a, a_at, b, b_at, left, right, start[i], start[i + 1], out, out_at + i)
