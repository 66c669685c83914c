package gluesecure.guard;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** What each operation of Amazon S3 does to the bytes of objects: the table {@code s3_operations.txt}. */
final class Operations {
    static final String STORE = "store";
    static final String CREATE = "create";
    static final String PART = "part";
    static final String COMPLETE = "complete";
    static final String DELETE = "delete";
    static final String REFUSE = "refuse";
    static final String OTHER = "other";

    private static final Map<String, String> KINDS = read();

    private Operations() {}

    /** Returns the kind of an operation; {@code refuse} for an operation that is not in the table. */
    static String kind(String operation) {
        return KINDS.getOrDefault(operation, REFUSE);
    }

    private static Map<String, String> read() {
        Map<String, String> kinds = new HashMap<>();
        InputStream table = Operations.class.getResourceAsStream("s3_operations.txt");
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(table, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.startsWith("#")) {
                    int blank = line.indexOf(' ');
                    kinds.put(line.substring(0, blank), line.substring(blank + 1));
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return kinds;
    }
}
