package gluesecure.guard;

import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One request to Amazon S3, in the form that both versions of the AWS SDK have in common. */
final class S3Call {
    final String operation;
    final String bucket;
    final String key;
    final URI endpoint;
    private final String location;
    final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    /** Id of the multipart upload; empty without one. */
    String upload = "";
    /** Bytes of the object or part, -1 if the request does not say. */
    long size = -1;
    /** Keys that a DeleteObjects request names. */
    List<String> deleted = Collections.emptyList();

    S3Call(String operation, String bucket, String key, URI endpoint) {
        this.operation = operation;
        this.bucket = bucket == null ? "" : bucket;
        this.key = key == null ? "" : key;
        this.endpoint = endpoint;
        location = this.bucket + "/" + this.key;
    }

    String kind() {
        return Operations.kind(operation);
    }

    String header(String name) {
        String value = headers.get(name);
        return value == null ? "" : value;
    }

    /** Returns the location as {@code bucket/key}. */
    String location() {
        return location;
    }

    /** Returns the keys that the request deletes. */
    List<String> deletedKeys() {
        if (!deleted.isEmpty()) {
            return deleted;
        }
        List<String> keys = new ArrayList<>();
        keys.add(key);
        return keys;
    }

    static long number(String text) {
        try {
            return text == null || text.isEmpty() ? -1 : Long.parseLong(text);
        } catch (NumberFormatException error) {
            return -1;
        }
    }
}
