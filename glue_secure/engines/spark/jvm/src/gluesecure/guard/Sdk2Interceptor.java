package gluesecure.guard;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkRequest;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.interceptor.SdkExecutionAttribute;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.services.s3.model.CreateMultipartUploadResponse;
import software.amazon.awssdk.services.s3.model.DeleteObjectsRequest;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The guard in every S3 client of version 2 of the AWS SDK, which loads the interceptors that the resource {@code
 * software/amazon/awssdk/global/handlers/execution.interceptors} names.
 */
public final class Sdk2Interceptor implements ExecutionInterceptor {
    private static final ExecutionAttribute<S3Call> CALL = new ExecutionAttribute<>("gluesecure.call");

    /** Checks a request after it was marshalled and before it is signed. */
    @Override
    public SdkHttpRequest modifyHttpRequest(Context.ModifyHttpRequest context, ExecutionAttributes attributes) {
        if (!"S3".equals(attributes.getAttribute(SdkExecutionAttribute.SERVICE_NAME))) {
            return context.httpRequest();
        }
        SdkHttpRequest request = context.httpRequest();
        S3Call call = call(context.request(), request, attributes);
        try {
            Map<String, String> added = Guard.before(call);
            attributes.putAttribute(CALL, call);
            if (added.isEmpty()) {
                return request;
            }
            SdkHttpRequest.Builder changed = request.toBuilder();
            for (Map.Entry<String, String> header : added.entrySet()) {
                if (header.getValue().isEmpty()) {
                    changed.removeHeader(header.getKey());
                } else {
                    changed.putHeader(header.getKey(), header.getValue());
                }
            }
            return changed.build();
        } catch (RefusedRequest refused) {
            // S3A and Spark retry client errors for minutes. They do not retry a 403 of the service.
            throw S3Exception.builder()
                    .message(refused.getMessage())
                    .statusCode(403)
                    .requestId("none")
                    .awsErrorDetails(AwsErrorDetails.builder()
                            .errorCode("AccessDenied")
                            .errorMessage(refused.getMessage())
                            .serviceName("S3")
                            .sdkHttpResponse(SdkHttpResponse.builder().statusCode(403).build())
                            .build())
                    .build();
        }
    }

    /** Records S3's answer. */
    @Override
    public void afterExecution(Context.AfterExecution context, ExecutionAttributes attributes) {
        S3Call call = attributes.getAttribute(CALL);
        if (call == null) {
            return;
        }
        if (context.response() instanceof CreateMultipartUploadResponse) {
            call.upload = ((CreateMultipartUploadResponse) context.response()).uploadId();
        }
        Guard.answered(call, first(context.httpResponse().headers()));
    }

    /** Records a failure. */
    @Override
    public void onExecutionFailure(Context.FailedExecution context, ExecutionAttributes attributes) {
        S3Call call = attributes.getAttribute(CALL);
        if (call != null) {
            boolean isAnswer = context.exception() instanceof AwsServiceException;
            Guard.failed(call, isAnswer ? ((AwsServiceException) context.exception()).statusCode() : -1);
        }
    }

    private static S3Call call(SdkRequest source, SdkHttpRequest request, ExecutionAttributes attributes) {
        String operation = attributes.getAttribute(SdkExecutionAttribute.OPERATION_NAME);
        String bucket = text(source, "CopyObject".equals(operation) ? "DestinationBucket" : "Bucket");
        String key = text(source, "CopyObject".equals(operation) ? "DestinationKey" : "Key");
        if ("UploadPartCopy".equals(operation)) {
            bucket = text(source, "DestinationBucket");
            key = text(source, "DestinationKey");
        }
        int port = request.port();
        URI endpoint = URI.create(request.protocol() + "://" + request.host() + ":" + port);
        S3Call call = new S3Call(operation, bucket, key, endpoint);
        call.headers.putAll(first(request.headers()));
        call.upload = text(source, "UploadId");
        String decoded = call.header("x-amz-decoded-content-length");
        call.size = S3Call.number(decoded.isEmpty() ? call.header("Content-Length") : decoded);
        if (source instanceof DeleteObjectsRequest) {
            List<String> keys = new ArrayList<>();
            for (ObjectIdentifier object : ((DeleteObjectsRequest) source).delete().objects()) {
                keys.add(object.key());
            }
            call.deleted = keys;
        }
        return call;
    }

    private static String text(SdkRequest request, String name) {
        return request.getValueForField(name, String.class).orElse("");
    }

    private static Map<String, String> first(Map<String, List<String>> headers) {
        Map<String, String> values = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (Map.Entry<String, List<String>> header : headers.entrySet()) {
            if (header.getKey() != null && !header.getValue().isEmpty()) {
                values.put(header.getKey(), header.getValue().get(0));
            }
        }
        return values;
    }
}
