using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;
using Uploads;
using Weddings;

namespace Albums.Tests;

/// <summary>A real server with the endpoints of albums and no worker: what it answers, it answers by itself.</summary>
internal sealed class AlbumServer : IAsyncDisposable
{
    private readonly WebApplication app;

    private AlbumServer(WebApplication app, HttpClient client)
    {
        this.app = app;
        Client = client;
    }

    /// <summary>Follows no redirects.</summary>
    internal HttpClient Client { get; }

    /// <summary>The minimum data rate that each request had when it ended, however it ended.</summary>
    internal Channel<MinDataRate?> Ended { get; } = Channel.CreateUnbounded<MinDataRate?>();

    internal static async Task<AlbumServer> StartAsync(string connectionString, IObjectStorage storage, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(
            [new("Mail:Folder", Path.GetTempPath()), .. settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))]);
        builder.Services
            .AddHttp(builder.Configuration)
            .AddJobs(builder.Configuration, work: false)
            .AddEvents(connectionString, work: false)
            .AddSingleton(storage)
            .AddMail(builder.Configuration)
            .AddWebhooks(builder.Configuration)
            .AddUploads(builder.Configuration, work: false)
            .AddWeddings(builder.Configuration)
            .AddAlbums(builder.Configuration, work: false);
        var app = builder.Build();
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None });
        var server = new AlbumServer(app, client);
        app.Use(async (http, next) =>
        {
            try
            {
                await next(http);
            }
            finally
            {
                server.Ended.Writer.TryWrite(http.Features.Get<IHttpMinResponseDataRateFeature>()!.MinDataRate);
            }
        });
        app.UseHttp();
        app.MapAlbums();
        await app.StartAsync();
        client.BaseAddress = new Uri(app.Urls.Single());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
    }
}
