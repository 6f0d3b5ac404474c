package anabranch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.OpenOption;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;

/**
 * Writes the rows of a partition as rows of a float64 matrix, in the JVM: what MatrixWriter does in Spark's Python
 * workers, to whom Spark hands rows over number by number.
 *
 * Compiled by the Janino that Spark brings along, hence without generics and lambdas. Places are asked for, and pieces
 * are told of, as by the writers of far.py.
 */
public final class MatrixSink implements FlatMapFunction, java.io.Serializable {
    private static final long serialVersionUID = 1L;
    /** Bytes written at a time. */
    private static final int BLOCK = 1 << 20;

    private final String address;
    private final String name;
    private final String kinds;
    private final boolean isNumbered;

    /** One that makes others. */
    public MatrixSink() {
        this("", "", "", false);
    }

    private MatrixSink(String address, String name, String kinds, boolean isNumbered) {
        this.address = address;
        this.name = name;
        this.kinds = kinds;
        this.isNumbered = isNumbered;
    }

    /**
     * @param address the socket of the slot's process
     * @param name of the node
     * @param kinds of each column: n a double, a an array of doubles, v a vector
     * @param isNumbered a last column has the rows' numbers, which are their places
     */
    public MatrixSink at(String address, String name, String kinds, boolean isNumbered) {
        return new MatrixSink(address, name, kinds, isNumbered);
    }

    /** Returns a text for each piece, in the order of MatrixPiece. */
    public Iterator call(Object given) throws Exception {
        Iterator rows = (Iterator) given;
        if (!rows.hasNext()) return new ArrayList().iterator();
        Partition partition = new Partition(address, name, kinds, isNumbered);
        try {
            while (rows.hasNext()) partition.add((InternalRow) rows.next());
            partition.flush();
        } finally {
            partition.close();
        }
        return partition.pieces.iterator();
    }

    private static final class Partition {
        final List pieces = new ArrayList();
        private final String name;
        private final String kinds;
        private final boolean isNumbered;
        private final int number = TaskContext.getPartitionId();
        private final SocketChannel slot;
        private final FileChannel file;
        private double[] row = new double[16];
        private int width = -1;
        private ByteBuffer bytes;
        private DoubleBuffer block;
        private long[] numbers;
        private int count;
        private long base = -1;
        private long spent;

        Partition(String address, String name, String kinds, boolean isNumbered) throws IOException {
            this.name = name;
            this.kinds = kinds;
            this.isNumbered = isNumbered;
            slot = SocketChannel.open(UnixDomainSocketAddress.of(address));
            try {
                String path = ask("\"open\": true");
                file = FileChannel.open(Paths.get(path), new OpenOption[] {StandardOpenOption.WRITE});
            } catch (IOException error) {
                slot.close();
                throw error;
            }
        }

        void add(InternalRow given) throws IOException {
            int found = read(given);
            if (width < 0) begin(found);
            if (found != width) {
                throw new IllegalArgumentException(name + ": rows have from " + Math.min(found, width) + " to "
                    + Math.max(found, width) + " numbers, and a matrix has as many in all");
            }
            block.put(row, 0, width);
            if (isNumbered) numbers[count] = given.getLong(kinds.length());
            count++;
            if (count == numbers.length) flush();
        }

        private void begin(int found) throws IOException {
            width = found;
            int rows = Math.max(1, BLOCK / Math.max(8, 8 * width));
            numbers = new long[rows];
            bytes = ByteBuffer.allocateDirect(rows * 8 * width).order(ByteOrder.nativeOrder());
            block = bytes.asDoubleBuffer();
            if (isNumbered) base = Long.parseLong(ask("\"place\": " + width));
        }

        private int read(InternalRow given) {
            int at = 0;
            for (int column = 0; column < kinds.length(); column++) {
                char kind = kinds.charAt(column);
                if (kind == 'n') {
                    room(at + 1);
                    row[at] = given.isNullAt(column) ? Double.NaN : given.getDouble(column);
                    at++;
                } else if (given.isNullAt(column)) {
                    throw new IllegalArgumentException(name + ": rows have no vector where a matrix is made: "
                        + "drop them, or fill them, in a stage before (handleInvalid=\"skip\", Imputer)");
                } else if (kind == 'a') {
                    at = array(given.getArray(column), at);
                } else {
                    at = vector(given.getStruct(column, 4), at);
                }
            }
            return at;
        }

        private int array(ArrayData values, int at) {
            int length = values.numElements();
            room(at + length);
            for (int index = 0; index < length; index++) {
                row[at + index] = values.isNullAt(index) ? Double.NaN : values.getDouble(index);
            }
            return at + length;
        }

        /** As VectorUDT stores it: kind, size, indices, values. */
        private int vector(InternalRow given, int at) {
            double[] values = given.getArray(3).toDoubleArray();
            if (given.getByte(0) == 1) {
                room(at + values.length);
                System.arraycopy(values, 0, row, at, values.length);
                return at + values.length;
            }
            int size = given.getInt(1);
            int[] indices = given.getArray(2).toIntArray();
            room(at + size);
            java.util.Arrays.fill(row, at, at + size, 0.0);
            for (int index = 0; index < indices.length; index++) row[at + indices[index]] = values[index];
            return at + size;
        }

        private void room(int needed) {
            if (needed > row.length) row = java.util.Arrays.copyOf(row, Math.max(needed, 2 * row.length));
        }

        void flush() throws IOException {
            if (count == 0) return;
            long begun = System.nanoTime();
            long stride = 8L * width;
            boolean follow = true;
            for (int index = 1; isNumbered && index < count; index++) follow &= numbers[index] == numbers[0] + index;
            long offset = base;
            if (!isNumbered) {
                offset = Long.parseLong(ask("\"take\": " + count * stride + ", \"alignment\": 8"));
                write(0, count, offset);
            } else if (follow) {
                write(0, count, base + numbers[0] * stride);
            } else {
                for (int index = 0; index < count; index++) write(index, index + 1, base + numbers[index] * stride);
            }
            spent = System.nanoTime() - begun;
            tell(offset, follow);
            block.clear();
            count = 0;
        }

        private void write(int first, int end, long offset) throws IOException {
            bytes.limit(end * 8 * width).position(first * 8 * width);
            while (bytes.hasRemaining()) offset += file.write(bytes, offset);
        }

        private void tell(long offset, boolean follow) {
            StringBuilder said = new StringBuilder("[");
            said.append(number).append(", ").append(pieces.size()).append(", ").append(offset).append(", ");
            said.append(width).append(", ").append(count).append(", ");
            if (isNumbered && follow) said.append(numbers[0]).append(", null, ");
            else said.append("null, ");
            if (isNumbered && !follow) {
                said.append("[");
                for (int index = 0; index < count; index++) said.append(index == 0 ? "" : ", ").append(numbers[index]);
                said.append("], ");
            } else if (!isNumbered) {
                said.append("null, ");
            }
            pieces.add(said.append(spent).append("]").toString());
        }

        /** Returns what the slot's process answers: a number, or a path. */
        private String ask(String message) throws IOException {
            ByteBuffer out = ByteBuffer.wrap(("{\"of\": 0, " + message + "}\n").getBytes(StandardCharsets.UTF_8));
            while (out.hasRemaining()) slot.write(out);
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            ByteBuffer in = ByteBuffer.allocate(1024);
            while (true) {
                in.clear();
                int length = slot.read(in);
                if (length < 0) throw new IOException("the process that asked for these rows has ended");
                line.write(in.array(), 0, length);
                if (length > 0 && in.get(length - 1) == '\n') break;
            }
            String answer = line.toString("UTF-8").trim();
            String prefix = "{\"answer\": ";
            if (!answer.startsWith(prefix)) throw new IOException(answer);
            answer = answer.substring(prefix.length(), answer.length() - 1);
            return answer.startsWith("\"") ? answer.substring(1, answer.length() - 1) : answer;
        }

        void close() throws IOException {
            file.close();
            slot.close();
        }
    }
}
