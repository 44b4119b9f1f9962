using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.Http;
using Xunit;

namespace Platform.Tests.Http;

public sealed class RequestBuffersTests
{
    private const int BlockBytes = 32 * 1024;
    private const int Kept = 256;

    [Fact]
    public void Blocks_are_lent_again_and_what_is_too_much_is_not_kept()
    {
        using var buffers = new RequestBuffers();
        var first = Enumerable.Range(0, Kept + 44).Select(_ => buffers.Rent(4096)).ToHashSet();
        Assert.Equal(Kept + 44, first.Count);
        Assert.All(first, block => Assert.Equal(BlockBytes, block.Memory.Length));
        foreach (var block in first)
        {
            block.Dispose();
        }

        var second = Enumerable.Range(0, Kept + 44).Select(_ => buffers.Rent()).ToHashSet();
        Assert.Equal(Kept + 44, second.Count);
        Assert.Equal(Kept, second.Count(first.Contains));
    }

    [Fact]
    public void A_block_given_back_twice_is_lent_once()
    {
        using var buffers = new RequestBuffers();
        var block = buffers.Rent();
        block.Dispose();
        block.Dispose();
        Assert.NotSame(buffers.Rent(), buffers.Rent());
    }

    [Fact]
    public void Whoever_wants_more_than_a_block_gets_it()
    {
        using var buffers = new RequestBuffers();
        using var large = buffers.Rent(BlockBytes + 1);
        Assert.True(large.Memory.Length > BlockBytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffers.Rent(int.MaxValue));
    }

    [Fact]
    public async Task Kestrel_receives_into_them()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddHttp(builder.Configuration);
        await using var app = builder.Build();
        app.MapPost("/", async (HttpContext context) =>
        {
            var body = await context.Request.BodyReader.ReadAtLeastAsync(BlockBytes, context.RequestAborted);
            var largest = 0;
            foreach (var segment in body.Buffer)
            {
                largest = Math.Max(largest, segment.Length);
            }

            return $"{context.Features.Get<IMemoryPoolFeature>()?.MemoryPool.GetType().Name} {largest > 4096}";
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        using var body = new ByteArrayContent(new byte[4 * BlockBytes]);
        using var answer = await client.PostAsync(new Uri("/", UriKind.Relative), body, TestContext.Current.CancellationToken);
        Assert.Equal("RequestBuffers True", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
