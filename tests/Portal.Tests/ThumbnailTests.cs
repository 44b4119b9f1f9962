using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Npgsql;
using Platform.Storage;
using Testing;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>Where thumbnails lie, and where there are none.</summary>
public sealed class ThumbnailTests(Browser browser)
{
    private static readonly LocatorAssertionsToHaveCountOptions InTheBackground = new() { Timeout = 120_000 }; // a page asks again after up to 15 seconds

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Thumbnails_lie_in_the_bucket_and_go_with_the_photo()
    {
        await using var host = new S3Host();
        await host.InitializeAsync();
        var link = await host.LinkAsync("bucket", LinkKind.Couple);
        var token = Platform.Accounts.Secret.New();
        var photo = await host.SendPhotoAsync("bucket", 1, withdrawToken: token);
        await host.SendPhotoAsync("bucket", 2);
        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(link);
        await Expect(couple.Page.Locator(".photos img")).ToHaveCountAsync(2, InTheBackground);
        var widths = await couple.Page.EvaluateAsync<int[]>("() => Promise.all([...document.images].map(async image => (await image.decode(), image.naturalWidth)))");
        Assert.Equal([480, 480], widths);

        using var store = new S3ObjectStorage(host.Bucket, TimeProvider.System);
        Assert.Equal(2, (await store.ListAsync("gallery/bucket/", null, Cancellation)).Objects.Count);
        await host.WithdrawAsync(photo, token);
        while ((await store.ListAsync("gallery/bucket/", null, Cancellation)).Objects.Count > 1)
        {
            await Task.Delay(50, Cancellation); // a job deletes it
        }

        await couple.Page.ReloadAsync();
        await Expect(couple.Page.Locator(".photos img")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task Without_libvips_files_are_shown_by_name_until_it_is_there()
    {
        await using var host = new LackingHost();
        await host.InitializeAsync();
        var link = await host.LinkAsync("no-vips", LinkKind.Couple);
        await host.SendPhotoAsync("no-vips", 1);
        await host.SendPhotoAsync("no-vips", 2);
        using (var client = host.CreateClient())
        {
            await client.GetStringAsync(new Uri(link, UriKind.Relative), Cancellation);
        }

        // One attempt, of two workers: nothing waits to be tried again.
        await AssertJobEndsAsync(host, "make_thumbnails/no-vips");
        Assert.InRange(host.StartedWorkers, 1, 2);

        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(link);
        await Expect(couple.Page.GetByText("IMG_1.jpg")).ToBeVisibleAsync();
        await Expect(couple.Page.GetByText("IMG_2.jpg")).ToBeVisibleAsync();
        await Expect(couple.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        await couple.AssertAccessibleAsync();

        host.InstallLibvips();
        await Expect(couple.Page.Locator(".photos img")).ToHaveCountAsync(2, InTheBackground);
    }

    private static async Task AssertJobEndsAsync(PortalHost host, string name)
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var count = database.CreateCommand("select count(*) from quartz.qrtz_job_details where job_name = $1");
        count.Parameters.Add(new() { Value = name });
        while (await count.ExecuteScalarAsync(Cancellation) is > 0L)
        {
            await Task.Delay(50, Cancellation);
        }
    }

    private sealed class S3Host : PortalHost
    {
        internal S3Options Bucket { get; private set; } = null!;

        public override async ValueTask InitializeAsync()
        {
            Bucket = await CephServer.OwnBucketAsync();
            await base.InitializeAsync();
        }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            base.ConfigureWebHost(builder);
            builder
                .UseSetting("Storage:Provider", "S3")
                .UseSetting("Storage:S3:Endpoint", Bucket.Endpoint)
                .UseSetting("Storage:S3:CaFile", Bucket.CaFile)
                .UseSetting("Storage:S3:Region", Bucket.Region)
                .UseSetting("Storage:S3:Bucket", Bucket.Bucket)
                .UseSetting("Storage:S3:AccessKey", Bucket.AccessKey)
                .UseSetting("Storage:S3:SecretKey", Bucket.SecretKey)
                .UseSetting("Storage:S3:ForcePathStyle", "true");
        }
    }

    /// <summary>Its workers say that libvips is missing, as they do where it is, until it is installed.</summary>
    private sealed class LackingHost : PortalHost
    {
        // A library cannot be hidden from the loader here, so the worker's first answer is written by hand; its environment is empty.
        protected override IReadOnlyList<string> ImageWorker =>
        [
            "/bin/sh",
            "-c",
            """
            echo >> "$1"
            if [ -e "$2" ]; then PATH=$3 exec dotnet "$4" image-worker; fi
            printf '\036\000\000\000{"version":null,"missing":"x"}'
            """,
            "worker",
            Started,
            Libvips,
            Environment.GetEnvironmentVariable("PATH")!,
            typeof(Program).Assembly.Location,
        ];

        internal int StartedWorkers => File.ReadAllLines(Started).Length;

        private string Started => Path.Combine(Folder, "started");

        private string Libvips => Path.Combine(Folder, "libvips");

        internal void InstallLibvips() => File.WriteAllBytes(Libvips, []);
    }
}
