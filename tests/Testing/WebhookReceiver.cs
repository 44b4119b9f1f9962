using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Testing;

/// <summary>Somebody else's server that is told things. It takes everything, unless a test says otherwise.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly ConcurrentQueue<Message> messages = [];

    private WebhookReceiver(WebApplication server)
    {
        this.server = server;
        server.Run(async context =>
        {
            using var body = new StreamReader(context.Request.Body, Encoding.UTF8);
            var text = await body.ReadToEndAsync(context.RequestAborted);
            messages.Enqueue(new Message(context.Request.Path, context.Request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase), text));
            await Answer(context);
        });
    }

    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public IReadOnlyList<Message> Messages => [.. messages];

    public Uri Url => new(server.Urls.Single());

    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var receiver = new WebhookReceiver(builder.Build());
        await receiver.server.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    public sealed record Message(string Path, IReadOnlyDictionary<string, StringValues> Headers, string Body)
    {
        public string Id => Headers["webhook-id"].ToString();
    }
}
