package gluesecure.guard;

import java.io.IOException;
import java.net.URI;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Shows that the guard is in the S3 client that Hadoop's file system uses.
 *
 * <p>Two requests for an object that does not exist: the first must pass the guard before it is sent and after
 * S3 answered it; the second must be stopped by the guard. Nothing is stored.
 */
public final class Probe {
    private static volatile String expected;
    private static volatile boolean refuses;
    private static volatile boolean seen;
    private static volatile boolean answered;
    private static volatile boolean refused;

    private Probe() {}

    /**
     * Tests the guard in this JVM.
     *
     * @param prefix location that the job may read, with the scheme of its file system
     * @param conf Hadoop's settings
     * @return an empty text if the guard works, otherwise what was observed
     */
    public static synchronized String run(String prefix, Configuration conf) {
        String name = "glue-secure-guard-probe-" + UUID.randomUUID();
        Path path = new Path(prefix.replaceAll("/+$", "") + "/" + name);
        expected = name;
        refuses = false;
        seen = false;
        answered = false;
        refused = false;
        try {
            String problem = request(path, conf);
            if (!seen || !answered) {
                return "a request of " + fileSystem(path, conf) + " did not pass the guard" + problem;
            }
            refuses = true;
            request(path, conf);
            return refused ? "" : "the guard could not stop a request of " + fileSystem(path, conf);
        } finally {
            expected = null;
        }
    }

    /** Returns the class of the file system that serves a path. */
    private static String fileSystem(Path path, Configuration conf) {
        try {
            return FileSystem.get(path.toUri(), conf).getClass().getName();
        } catch (IOException | RuntimeException error) {
            return path.toUri().getScheme() + "://";
        }
    }

    private static String request(Path path, Configuration conf) {
        try {
            URI location = path.toUri();
            FileSystem.get(location, conf).exists(path);
            return "";
        } catch (IOException | RuntimeException error) {
            return " (" + error.getClass().getSimpleName() + ")";
        }
    }

    static boolean matches(S3Call call) {
        String name = expected;
        return name != null && call.key.endsWith(name);
    }

    static void refuse(S3Call call) throws RefusedRequest {
        seen = true;
        if (refuses) {
            refused = true;
            throw new RefusedRequest("GS-S3-014", call.operation, "a probe", "none", "none");
        }
    }

    static void answered(S3Call call) {
        if (matches(call)) {
            answered = true;
        }
    }
}
