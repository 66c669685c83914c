package gluesecure.guard;

import java.util.LinkedHashMap;
import java.util.Map;

/** The bytes of the multipart uploads of this JVM that are not completed. */
final class Uploads {
    private static final int LIMIT = 10_000;
    private static final Map<String, Long> BYTES = new LinkedHashMap<String, Long>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > LIMIT;
        }
    };

    private Uploads() {}

    static synchronized void addPart(S3Call call) {
        if (!call.upload.isEmpty() && call.size >= 0) {
            BYTES.merge(call.upload, call.size, Long::sum);
        }
    }

    /** Returns and forgets the bytes of an upload; -1 if no part was seen. */
    static synchronized long take(String upload) {
        Long bytes = BYTES.remove(upload);
        return bytes == null ? -1 : bytes;
    }
}
