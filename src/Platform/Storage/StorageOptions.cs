using Microsoft.Extensions.Configuration;

namespace Platform.Storage;

/// <summary>The section <c>Storage</c>.</summary>
internal sealed record StorageOptions
{
    /// <summary><c>Folder</c> or <c>S3</c>.</summary>
    public string Provider { get; init; } = "Folder";

    /// <summary>Where <see cref="FolderObjectStorage"/> keeps the objects.</summary>
    public string? Folder { get; init; }

    public S3Options S3 { get; init; } = new();

    /// <exception cref="StartupException">A value is missing or wrong.</exception>
    public static StorageOptions Read(IConfiguration configuration)
    {
        StorageOptions options;
        try
        {
            options = configuration.GetSection("Storage").Get<StorageOptions>() ?? new StorageOptions();
        }
        catch (InvalidOperationException e)
        {
            throw new StartupException($"A value under Storage cannot be read: {e.Message}", e);
        }

        return options.Provider.ToUpperInvariant() switch
        {
            "FOLDER" => options with { Folder = Required(options.Folder, "Storage__Folder") },
            "S3" => options with { Folder = null, S3 = options.S3.Checked() },
            _ => throw new StartupException($"Storage__Provider is '{options.Provider}', but must be Folder or S3."),
        };
    }

    internal static string Required(string? value, string key) =>
        string.IsNullOrWhiteSpace(value) ? throw new StartupException($"{key} is missing.") : value;
}

/// <summary>The section <c>Storage:S3</c>.</summary>
public sealed record S3Options
{
    /// <summary>Such as <c>https://{account}.r2.cloudflarestorage.com</c>. Empty for AWS, which is found by its region.</summary>
    public string? Endpoint { get; init; }

    /// <summary><c>auto</c> for R2.</summary>
    public string Region { get; init; } = "auto";

    public string Bucket { get; init; } = "";

    public string AccessKey { get; init; } = "";

    public string SecretKey { get; init; } = "";

    /// <summary>The bucket stands in the path rather than in the host name.</summary>
    public bool ForcePathStyle { get; init; } = true;

    /// <summary>All parts of an upload but the last must be equally large, as R2 wants it: an upload that is not so is refused here, with a reason.</summary>
    public bool EqualParts { get; init; } = true;

    /// <summary>PEM file with the authority that signed the endpoint's certificate, where the machine does not know it.</summary>
    public string? CaFile { get; init; }

    /// <summary>No store thinks longer before its next move; AWS may take that long to complete a large upload.</summary>
    internal TimeSpan StallLimit { get; init; } = TimeSpan.FromMinutes(1);

    internal bool IsTls => Endpoint?.StartsWith("http:", StringComparison.OrdinalIgnoreCase) != true;

    /// <exception cref="StartupException">A value is missing or wrong.</exception>
    internal S3Options Checked()
    {
        _ = StorageOptions.Required(Bucket, "Storage__S3__Bucket");
        _ = StorageOptions.Required(AccessKey, "Storage__S3__AccessKey");
        _ = StorageOptions.Required(SecretKey, "Storage__S3__SecretKey");
        if (string.IsNullOrWhiteSpace(Endpoint) ? Region is "auto" or "" : !IsHttp(Endpoint))
        {
            throw new StartupException($"Storage__S3__Endpoint is '{Endpoint}', but must be an http or https address (or Storage__S3__Region one of AWS).");
        }

        return CaFile is null || File.Exists(CaFile) ? this : throw new StartupException($"Storage__S3__CaFile names {CaFile}, which is not there.");

        static bool IsHttp(string address) =>
            Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);
    }

    /// <summary>Without the secret: records print all their members otherwise.</summary>
    public override string ToString() => $"bucket {Bucket} at {Endpoint ?? Region}";
}
