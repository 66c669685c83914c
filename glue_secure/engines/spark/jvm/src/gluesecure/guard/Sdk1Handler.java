package gluesecure.guard;

import com.amazonaws.AmazonServiceException;
import com.amazonaws.AmazonWebServiceRequest;
import com.amazonaws.Request;
import com.amazonaws.Response;
import com.amazonaws.handlers.HandlerContextKey;
import com.amazonaws.handlers.RequestHandler2;
import com.amazonaws.services.s3.model.AmazonS3Exception;
import com.amazonaws.services.s3.model.CompleteMultipartUploadRequest;
import com.amazonaws.services.s3.model.CopyObjectRequest;
import com.amazonaws.services.s3.model.CopyPartRequest;
import com.amazonaws.services.s3.model.DeleteObjectRequest;
import com.amazonaws.services.s3.model.DeleteObjectsRequest;
import com.amazonaws.services.s3.model.GetObjectMetadataRequest;
import com.amazonaws.services.s3.model.GetObjectRequest;
import com.amazonaws.services.s3.model.InitiateMultipartUploadRequest;
import com.amazonaws.services.s3.model.InitiateMultipartUploadResult;
import com.amazonaws.services.s3.model.PutObjectRequest;
import com.amazonaws.services.s3.model.UploadPartRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The guard in every S3 client of version 1 of the AWS SDK, which loads the handlers that the resource {@code
 * com/amazonaws/global/handlers/request.handler2s} names.
 */
public final class Sdk1Handler extends RequestHandler2 {
    private static final HandlerContextKey<S3Call> CALL = new HandlerContextKey<>("gluesecure.call");

    /** Checks a request after it was marshalled and before it is signed. */
    @Override
    public void beforeRequest(Request<?> request) {
        if (!"S3".equals(request.getHandlerContext(HandlerContextKey.SERVICE_ID))) {
            return;
        }
        S3Call call = call(request);
        request.addHandlerContext(CALL, call);
        try {
            Map<String, String> added = Guard.before(call);
            for (Map.Entry<String, String> header : added.entrySet()) {
                // Of another spelling, which the map of version 1 would send as well.
                request.getHeaders().keySet().removeIf(name -> name.equalsIgnoreCase(header.getKey()));
                if (!header.getValue().isEmpty()) {
                    request.addHeader(header.getKey(), header.getValue());
                }
            }
        } catch (RefusedRequest refused) {
            // S3A and Spark retry client errors for minutes. They do not retry a 403 of the service.
            AmazonS3Exception error = new AmazonS3Exception(refused.getMessage());
            error.setStatusCode(403);
            error.setErrorCode("AccessDenied");
            error.setErrorType(AmazonServiceException.ErrorType.Client);
            error.setServiceName("Amazon S3");
            request.addHandlerContext(CALL, null);
            throw error;
        }
    }

    /** Records S3's answer. */
    @Override
    public void afterResponse(Request<?> request, Response<?> response) {
        S3Call call = request.getHandlerContext(CALL);
        if (call == null) {
            return;
        }
        call.headers.putAll(request.getHeaders());
        setSize(call, request);
        if (response.getAwsResponse() instanceof InitiateMultipartUploadResult) {
            call.upload = ((InitiateMultipartUploadResult) response.getAwsResponse()).getUploadId();
        }
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (response.getHttpResponse() != null) {
            for (Map.Entry<String, List<String>> header :
                    response.getHttpResponse().getAllHeaders().entrySet()) {
                if (!header.getValue().isEmpty()) {
                    headers.put(header.getKey(), header.getValue().get(0));
                }
            }
        }
        Guard.answered(call, headers);
    }

    /** Records a failure. */
    @Override
    public void afterError(Request<?> request, Response<?> response, Exception error) {
        S3Call call = request.getHandlerContext(CALL);
        if (call != null) {
            boolean isAnswer = error instanceof AmazonServiceException;
            Guard.failed(call, isAnswer ? ((AmazonServiceException) error).getStatusCode() : -1);
        }
    }

    private static S3Call call(Request<?> request) {
        String operation = request.getHandlerContext(HandlerContextKey.OPERATION_NAME);
        AmazonWebServiceRequest original = request.getOriginalRequest();
        String bucket = "";
        String key = "";
        String upload = "";
        long size = -1;
        List<String> deleted = new ArrayList<>();
        if (original instanceof PutObjectRequest) {
            bucket = ((PutObjectRequest) original).getBucketName();
            key = ((PutObjectRequest) original).getKey();
        } else if (original instanceof InitiateMultipartUploadRequest) {
            bucket = ((InitiateMultipartUploadRequest) original).getBucketName();
            key = ((InitiateMultipartUploadRequest) original).getKey();
        } else if (original instanceof UploadPartRequest) {
            UploadPartRequest part = (UploadPartRequest) original;
            bucket = part.getBucketName();
            key = part.getKey();
            upload = part.getUploadId();
            size = part.getPartSize();
        } else if (original instanceof CopyPartRequest) {
            CopyPartRequest part = (CopyPartRequest) original;
            bucket = part.getDestinationBucketName();
            key = part.getDestinationKey();
            upload = part.getUploadId();
            if (part.getFirstByte() != null && part.getLastByte() != null) {
                size = part.getLastByte() - part.getFirstByte() + 1;
            }
        } else if (original instanceof CompleteMultipartUploadRequest) {
            CompleteMultipartUploadRequest completion = (CompleteMultipartUploadRequest) original;
            bucket = completion.getBucketName();
            key = completion.getKey();
            upload = completion.getUploadId();
        } else if (original instanceof CopyObjectRequest) {
            bucket = ((CopyObjectRequest) original).getDestinationBucketName();
            key = ((CopyObjectRequest) original).getDestinationKey();
        } else if (original instanceof DeleteObjectRequest) {
            bucket = ((DeleteObjectRequest) original).getBucketName();
            key = ((DeleteObjectRequest) original).getKey();
        } else if (original instanceof DeleteObjectsRequest) {
            bucket = ((DeleteObjectsRequest) original).getBucketName();
            for (DeleteObjectsRequest.KeyVersion version : ((DeleteObjectsRequest) original).getKeys()) {
                deleted.add(version.getKey());
            }
        } else if (original instanceof GetObjectRequest) {
            bucket = ((GetObjectRequest) original).getBucketName();
            key = ((GetObjectRequest) original).getKey();
        } else if (original instanceof GetObjectMetadataRequest) {
            bucket = ((GetObjectMetadataRequest) original).getBucketName();
            key = ((GetObjectMetadataRequest) original).getKey();
        }
        S3Call call = new S3Call(operation == null ? "" : operation, bucket, key, request.getEndpoint());
        call.headers.putAll(request.getHeaders());
        call.upload = upload;
        call.size = size;
        call.deleted = deleted;
        return call;
    }

    private static void setSize(S3Call call, Request<?> request) {
        if (call.size < 0 && request.getOriginalRequest() instanceof PutObjectRequest) {
            String decoded = call.header("x-amz-decoded-content-length");
            call.size = S3Call.number(decoded.isEmpty() ? call.header("Content-Length") : decoded);
        }
    }
}
