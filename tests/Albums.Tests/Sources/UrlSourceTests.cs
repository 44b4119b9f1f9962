using Albums.Sources;
using Albums.Zip;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Http;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests.Sources;

public sealed class UrlSourceTests : IAsyncLifetime
{
    private readonly HastyClock clock = new();
    private readonly byte[] bytes = new byte[300_001];
    private FileServer server = null!;
    private ServiceProvider services = null!;
    private string url = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private UrlSource Source => Create("127.0.0.1");

    public async ValueTask InitializeAsync()
    {
        new Random(1).NextBytes(bytes);
        server = await FileServer.StartAsync();
        url = server.Put("v0/b/weddings/o/ann%2Fphoto.jpg", bytes);
        var settings = new ConfigurationBuilder().AddInMemoryCollection([new("Outbound:PrivateHosts", server.Address.Authority)]).Build();
        services = new ServiceCollection().AddOutboundHttp(settings).BuildServiceProvider();
    }

    public async ValueTask DisposeAsync()
    {
        await services.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task One_request_for_a_byte_tells_what_there_is_to_know()
    {
        server.Headers["Content-Disposition"] = "inline; filename=\"x.jpg\"; filename*=utf-8''First%20%E2%9D%A4.jpg";
        var file = await Source.LookAsync(url, Cancel);
        Assert.Equal(("First ❤.jpg", 300_001L, "\"v1\""), (file.Name, file.SizeBytes, file.Version));
        Assert.Equal(new DateTimeOffset(2026, 6, 20, 14, 30, 0, TimeSpan.Zero), file.ModifiedAt);
        Assert.Equal(["bytes=0-0"], server.Requests);
    }

    [Fact]
    public async Task A_server_without_ranges_is_understood_too()
    {
        server.KnowsRanges = false;
        Assert.Equal(300_001, (await Source.LookAsync(url, Cancel)).SizeBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_empty_file_is_a_file(bool knowsRanges)
    {
        server.KnowsRanges = knowsRanges;
        Assert.Equal(0, (await Source.LookAsync(server.Put("empty.jpg", []), Cancel)).SizeBytes);
    }

    [Theory]
    [InlineData("\"v1\"", "\"v1\"")]
    [InlineData("W/\"v1\"", "W/\"v1\"")]
    [InlineData("", "Sat, 20 Jun 2026 14:30:00 GMT")]
    [InlineData("not-quoted", "Sat, 20 Jun 2026 14:30:00 GMT")]
    public async Task Any_mark_of_a_version_will_do(string etag, string version)
    {
        server.Headers["ETag"] = etag;
        Assert.Equal(version, (await Source.LookAsync(url, Cancel)).Version);
        Assert.Equal(bytes, await ReadAsync(0, bytes.Length, version));
    }

    [Theory]
    [InlineData(404, "it is not at its address")]
    [InlineData(410, "it is not at its address")]
    [InlineData(401, "its server does not hand it out")]
    [InlineData(403, "its server does not hand it out")]
    [InlineData(400, "its server answered 400")]
    [InlineData(204, "its server answered 204")]
    public async Task What_a_server_refuses_is_not_asked_again(int status, string reason)
    {
        server.Status = status;
        var failure = await Assert.ThrowsAsync<UrlFailedException>(() => Source.LookAsync(url, Cancel));
        Assert.Equal((reason, false), (failure.Message, failure.MayComeBack));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("ETag", "", "Last-Modified", "", "its server does not say whether it changes")]
    [InlineData("Content-Encoding", "gzip", "X", "", "its server sends it compressed only")]
    [InlineData("Content-Range", "bytes 0-0/*", "X", "", "its server does not say how large it is")]
    [InlineData("Content-Range", "bytes 0-0/10737418241", "X", "", "it is too large to be taken from another server")]
    public async Task A_file_that_cannot_be_packed_safely_is_not_packed(string header, string value, string other, string otherValue, string reason)
    {
        server.Headers[header] = value;
        server.Headers[other] = otherValue;
        Assert.Equal(reason, (await Assert.ThrowsAsync<UrlFailedException>(() => Source.LookAsync(url, Cancel))).Message);
    }

    [Fact]
    public async Task A_server_in_trouble_is_asked_again_and_its_wishes_are_respected()
    {
        server.FailNext(FileFault.Unavailable, FileFault.CutConnection, FileFault.TooManyRequests, FileFault.Unavailable);
        Assert.Equal(300_001, (await Source.LookAsync(url, Cancel)).SizeBytes);
        Assert.Equal(4, clock.Waits.Count);
        Assert.Equal(7, clock.Waits.ElementAt(2).TotalSeconds);
        Assert.InRange(clock.Waits.Last().TotalSeconds, 6, 10);
    }

    [Fact]
    public async Task A_server_that_stays_in_trouble_may_come_back()
    {
        server.Status = 503;
        Assert.True((await Assert.ThrowsAsync<UrlFailedException>(() => Source.LookAsync(url, Cancel))).MayComeBack);
        Assert.Equal(5, server.Requests.Count);
    }

    [Theory]
    [InlineData(0, 300_001)]
    [InlineData(70_000, 1)]
    [InlineData(131_071, 131_074)]
    public async Task A_range_is_those_bytes_also_where_the_server_sends_the_whole(int offset, int size)
    {
        Assert.Equal(bytes[offset..(offset + size)], await ReadAsync(offset, size));
        server.KnowsRanges = false;
        Assert.Equal(bytes[offset..(offset + size)], await ReadAsync(offset, size));
    }

    [Theory]
    [InlineData(FileFault.CutBody)]
    [InlineData(FileFault.ShortRange)]
    public async Task What_breaks_off_goes_on_at_the_next_byte(FileFault fault)
    {
        server.FailNext(fault, fault);
        Assert.Equal(bytes, await ReadAsync(0, bytes.Length));
        Assert.Equal(3, server.Requests.Count);
        Assert.NotEqual("bytes=0-300000", server.Requests.Last());
    }

    [Fact]
    public async Task Wrong_bytes_are_never_taken_for_the_right_ones()
    {
        server.FailNext(FileFault.WrongRange, FileFault.WrongRange);
        Assert.Equal(bytes[10..20], await ReadAsync(10, 10));

        server.FailNext([.. Enumerable.Repeat(FileFault.WrongRange, 4)]);
        Assert.True((await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(10, 10))).MayComeBack);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_changed_is_lost_whether_or_not_the_server_knows_conditions(bool knowsConditions)
    {
        server.KnowsConditions = knowsConditions;
        server.ETag = "\"v2\"";
        var lost = await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(0, 10));
        Assert.Equal((7, "it was replaced while the album was being packed", false), (lost.Entry, lost.Reason, lost.MayComeBack));
    }

    [Fact]
    public async Task A_file_that_changed_in_the_middle_is_lost_rather_than_mixed()
    {
        server.FailNext(FileFault.CutBody);
        await using var stream = Open(0, bytes.Length, "\"v1\"");
        Assert.True(await stream.ReadAsync(new byte[1000], Cancel) > 0);
        server.ETag = "\"v2\"";
        await Assert.ThrowsAsync<SourceLostException>(() => stream.ReadExactlyAsync(new byte[299_001], Cancel).AsTask());
    }

    [Fact]
    public async Task Another_size_is_another_file_whatever_its_ETag()
    {
        server.FailNext(FileFault.LongerThanItIs);
        await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(0, 10));
        server.Put("v0/b/weddings/o/ann%2Fphoto.jpg", bytes[..300_000]);
        await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(0, 10));
    }

    [Fact]
    public async Task A_drip_is_given_up()
    {
        var slow = new SlowClock();
        await using var stream = await new UrlSource(services.GetRequiredService<OutboundHttp>(), Options("127.0.0.1"), slow)
            .OpenAsync(url, new ByteRange(0, bytes.Length), "\"v1\"", bytes.Length, Cancel);
        Assert.True(await stream.ReadAsync(new byte[10], Cancel) > 0);
        slow.Elapsed = TimeSpan.FromSeconds(75);
        Assert.Equal("its server is too slow", (await Assert.ThrowsAsync<UrlFailedException>(() => stream.ReadAsync(new byte[10], Cancel).AsTask())).Message);
    }

    [Theory]
    [InlineData("https://firebasestorage.googleapis.com/v0/b/x/o/y?alt=media&token=z", true)]
    [InlineData("https://FIREBASESTORAGE.googleapis.com:443/v0", true)]
    [InlineData("https://storage.googleapis.com/x/y", true)]
    [InlineData("https://wedding.firebasestorage.app/o/y", true)]
    [InlineData("https://a.wedding.firebasestorage.app/o/y", true)]
    [InlineData("http://storage.googleapis.com/x/y", false)]
    [InlineData("https://user@storage.googleapis.com/x/y", false)]
    [InlineData("https://firebasestorage.app/o/y", false)]
    [InlineData("https://evilfirebasestorage.app/o/y", false)]
    [InlineData("https://storage.googleapis.com.evil.example/", false)]
    [InlineData("https://storage.googleapis.com@evil.example/", false)]
    [InlineData("https://storage.googleapis.com./x", false)]
    [InlineData("https://evil.example/?storage.googleapis.com", false)]
    [InlineData("https://127.0.0.1/", false)]
    [InlineData("ftp://storage.googleapis.com/x", false)]
    public void Only_hosts_that_are_allowed_are_asked(string address, bool accepted) =>
        Assert.Equal(accepted, Create(UrlOptions.DefaultHosts).Accepts(new Uri(address)));

    [Fact]
    public async Task A_redirect_leads_to_no_other_host()
    {
        server.Status = 302;
        server.Headers["Location"] = "https://evil.example/";
        await Assert.ThrowsAsync<UrlFailedException>(() => Source.LookAsync(url, Cancel));
    }

    [Theory]
    [InlineData("https://a.example/v0/b/x/o/ann%2Fparty%20photo.jpg?alt=media&token=z", "party photo.jpg")]
    [InlineData("https://a.example/x/y.jpg#z", "y.jpg")]
    [InlineData("https://a.example/x/y.jpg/", "y.jpg")]
    [InlineData("https://a.example/", "")]
    public void Without_another_name_a_file_is_called_like_the_end_of_its_path(string address, string name) =>
        Assert.Equal(name, Candidate.OfUrl(0, address, null).Name);

    [Theory]
    [InlineData("Albums:UrlHosts", "https://a.example")]
    [InlineData("Albums:UrlHosts", "*")]
    [InlineData("Albums:UrlHosts", "a b")]
    [InlineData("Albums:UrlMaxSizeBytes", "10 GB")]
    [InlineData("Albums:UrlMaxSizeBytes", "0")]
    public void A_wrong_setting_stops_the_start(string key, string value)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
        Assert.Contains(key.Replace(":", "__", StringComparison.Ordinal), Assert.Throws<Platform.StartupException>(() => UrlOptions.Read(settings)).Message, StringComparison.Ordinal);
    }

    private static UrlOptions Options(string hosts) =>
        UrlOptions.Read(new ConfigurationBuilder().AddInMemoryCollection([new("Albums:UrlHosts", hosts)]).Build());

    private UrlSource Create(string hosts) => new(services.GetRequiredService<OutboundHttp>(), Options(hosts), clock);

    private EntryStream Open(int offset, int size, string version)
    {
        var entry = new PlannedEntry(0, "a.jpg", null, version, bytes.Length, DateTimeOffset.UnixEpoch, null, Url: url);
        var sources = new EntrySources(storage: null!, Source);
        return new EntryStream(entry, 7, new ByteRange(offset, size), sources, clock);
    }

    private async Task<byte[]> ReadAsync(int offset, int size, string version = "\"v1\"")
    {
        await using var stream = Open(offset, size, version);
        var read = new byte[size];
        await stream.ReadExactlyAsync(read, Cancel);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancel));
        return read;
    }

    private sealed class SlowClock : TimeProvider
    {
        internal TimeSpan Elapsed { get; set; }

        public override long GetTimestamp() => Elapsed.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }
}
