package gluesecure.guard;

/** One event as a line of JSON. Empty texts are left out. */
final class Json {
    private final StringBuilder text = new StringBuilder(512);

    Json(String event) {
        text.append("{\"event\":\"").append(event).append('"');
    }

    Json(String event, S3Call call) {
        this(event);
        put("operation", call.operation);
        put("bucket", call.bucket);
        if (!"deleted".equals(event)) {
            put("key", call.key);
        }
    }

    Json put(String name, long value) {
        text.append(",\"").append(name).append("\":").append(value);
        return this;
    }

    Json put(String name, String value) {
        if (value.isEmpty()) {
            return this;
        }
        text.append(",\"").append(name).append("\":\"");
        int copied = 0;
        for (int position = 0; position < value.length(); position++) {
            char character = value.charAt(position);
            boolean isQuoted = character == '"' || character == '\\';
            if (isQuoted || character < ' ' || Character.isSurrogate(character)) {
                text.append(value, copied, position);
                text.append(isQuoted ? "\\" + character : String.format("\\u%04x", (int) character));
                copied = position + 1;
            }
        }
        text.append(value, copied, value.length()).append('"');
        return this;
    }

    @Override
    public String toString() {
        return text + "}";
    }
}
