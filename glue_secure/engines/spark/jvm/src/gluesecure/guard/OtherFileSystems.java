package gluesecure.guard;

import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;

/** Bytes that this JVM wrote through Hadoop's file systems other than S3, by scheme. */
final class OtherFileSystems {
    private static final Map<String, Long> REPORTED = new HashMap<>();

    private OtherFileSystems() {}

    /** Adds an event for each scheme whose number of bytes has grown since the last call. */
    static synchronized void report() {
        Map<String, Long> written = new HashMap<>();
        for (FileSystem.Statistics statistics : FileSystem.getAllStatistics()) {
            if (!statistics.getScheme().startsWith("s3")) {
                written.merge(statistics.getScheme(), statistics.getBytesWritten(), Long::sum);
            }
        }
        for (Map.Entry<String, Long> entry : written.entrySet()) {
            long grown = entry.getValue() - REPORTED.getOrDefault(entry.getKey(), 0L);
            if (grown > 0) {
                Guard.add(new Json("other-file-system").put("scheme", entry.getKey()).put("size", grown));
            }
            REPORTED.put(entry.getKey(), entry.getValue());
        }
    }
}
