package gluesecure.guard;

/** One event as a line of JSON. Empty texts are left out. */
final class Json {
    private final StringBuilder text = new StringBuilder();

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
        for (int position = 0; position < value.length(); position++) {
            char character = value.charAt(position);
            if (character == '"' || character == '\\') {
                text.append('\\').append(character);
            } else if (character < ' ' || Character.isSurrogate(character) || character == '\u2028') {
                text.append(String.format("\\u%04x", (int) character));
            } else {
                text.append(character);
            }
        }
        text.append('"');
        return this;
    }

    @Override
    public String toString() {
        return text + "}";
    }
}
