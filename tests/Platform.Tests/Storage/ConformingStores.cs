using Platform.Storage;
using Testing;

namespace Platform.Tests.Storage;

public sealed class FolderConformance : ObjectStorageConformance
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;

    protected override int PartSizeBytes => 100_000;

    protected override bool HasLinks => false;

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(root, recursive: true);
        return base.DisposeAsync();
    }

    protected override Task<IObjectStorage> OpenAsync() => Task.FromResult<IObjectStorage>(new FolderObjectStorage(root, TimeProvider.System));
}

public sealed class CephOverTlsConformance : ObjectStorageConformance
{
    private S3Options? options;

    protected override bool MayLeaveOutParts => false;

    // Ceph 16 decodes the name of the source twice, and dies of a percent sign.
    protected override string CopySource => "source ü+#.mp4";

    protected override async Task<IObjectStorage> OpenAsync()
    {
        options = await CephServer.TlsBucketAsync();
        return new S3ObjectStorage(options, TimeProvider.System);
    }

    protected override HttpClient OpenHttp() => CephServer.OpenHttp(options!);
}

public sealed class CephOverHttpConformance : ObjectStorageConformance
{
    protected override bool MayLeaveOutParts => false;

    // Ceph 16 decodes the name of the source twice, and dies of a percent sign.
    protected override string CopySource => "source ü+#.mp4";

    protected override bool TakesAnyBody => false;

    protected override async Task<IObjectStorage> OpenAsync() =>
        new S3ObjectStorage(await CephServer.PlainBucketAsync() with { EqualParts = false }, TimeProvider.System);
}

public sealed class MeteredConformance : ObjectStorageConformance
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;

    protected override int PartSizeBytes => 100_000;

    protected override bool HasLinks => false;

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(root, recursive: true);
        return base.DisposeAsync();
    }

    protected override Task<IObjectStorage> OpenAsync() =>
        Task.FromResult<IObjectStorage>(new MeteredObjectStorage(new FolderObjectStorage(root, TimeProvider.System), new WorkMeter()));
}

/// <summary>What the real server at hand lets pass.</summary>
public sealed class R2StrictConformance : ObjectStorageConformance
{
    private R2StrictServer? server;

    protected override bool ChecksSignatures => false;

    protected override bool ChecksChecksums => true;

    public override async ValueTask DisposeAsync()
    {
        await server!.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override async Task<IObjectStorage> OpenAsync()
    {
        server = await R2StrictServer.StartAsync();
        return new S3ObjectStorage(server.Options, TimeProvider.System);
    }

    protected override HttpClient OpenHttp() => CephServer.OpenHttp(server!.Options);
}
