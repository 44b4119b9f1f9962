namespace Platform.Storage;

/// <summary>What went wrong at the store, in the terms this product acts on.</summary>
public enum StorageError
{
    /// <summary>No object under that key.</summary>
    NotFound,

    /// <summary>The object's ETag is not the one asked for: it was replaced.</summary>
    PreconditionFailed,

    /// <summary>The multipart upload is unknown: completed, aborted or expired.</summary>
    MultipartNotFound,

    /// <summary>The store refuses the parts given at completion: missing, of a wrong ETag or size.</summary>
    PartsRefused,

    /// <summary>The body gave fewer or more bytes than promised. Nothing was stored.</summary>
    BodySizeMismatch,

    /// <summary>The key cannot be stored: empty, too long, or a path that would leave its folder.</summary>
    InvalidKey,

    /// <summary>The store does not answer, refuses access, or failed after all retries.</summary>
    Unavailable,
}

/// <summary>The store said no, or nothing. <see cref="Error"/> tells what to do about it.</summary>
public sealed class StorageException(StorageError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public StorageError Error { get; } = error;
}
