package gluesecure.guard;

import java.io.IOException;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Shows that the guard is in the S3 client that Hadoop's file system uses.
 *
 * <p>The file system is asked for an object that does not exist, and the guard must see the request and stop it.
 * So nothing is sent, and the job needs no permission for the test.
 */
public final class Probe {
    private static volatile String expected;
    private static volatile boolean refused;

    private Probe() {}

    /**
     * Tests the guard in this JVM.
     *
     * @param prefix a location, with the scheme of its file system
     * @param conf Hadoop's settings
     * @return an empty text if the guard works, otherwise what was observed
     */
    public static synchronized String run(String prefix, Configuration conf) {
        String name = "glue-secure-guard-probe-" + UUID.randomUUID();
        Path path = new Path(prefix.replaceAll("/+$", "") + "/" + name);
        String fileSystem = path.toUri().getScheme() + "://";
        String problem = "";
        expected = name;
        refused = false;
        try {
            FileSystem client = FileSystem.get(path.toUri(), conf);
            fileSystem = client.getClass().getName();
            client.exists(path);
        } catch (IOException | RuntimeException error) {
            problem = " (" + error.getClass().getSimpleName() + ")";
        } finally {
            expected = null;
        }
        return refused ? "" : "a request of " + fileSystem + " did not pass the guard" + problem;
    }

    /** Refuses the request of the test. */
    static void check(S3Call call) throws RefusedRequest {
        String name = expected;
        if (name != null && call.key.endsWith(name)) {
            refused = true;
            throw new RefusedRequest("GS-S3-005", call.operation, "the test of the guard", "nothing", "nothing");
        }
    }
}
